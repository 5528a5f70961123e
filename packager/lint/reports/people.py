"""Findings as text: a line with place, rule and wording, and a line with the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lint.reports import wording
from packager.model_config.rules.rule import Judge, Severity

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from packager.lint.located import Located
    from packager.lint.repository import Report

Piece = tuple[str, str]
"""A text and rich's style of it."""

_STYLES = {Severity.error: "bold red", Severity.warning: "yellow"}


def write(report: Report, out: TextIO) -> None:
    """Write all findings and the summary; with colours on a terminal only."""
    put = _in_colour(out) if out.isatty() else _plain(out)
    for one in report.findings:
        put(_first_line(report, one))
        put([("    remedy: ", "dim"), (one.remedy, "")])
    put([(wording.summary(report), "bold")])


def _first_line(report: Report, one: Located) -> list[Piece]:
    numbers = [str(number) for number in (one.line, one.column) if number is not None]
    place = ":".join((wording.path(report, one), *numbers))
    pieces = [(place, "bold"), (": ", "")]
    pieces += [(f"{one.severity.value} {one.rule_id}", _STYLES[one.severity]), (": ", "")]
    pieces.append((one.message, ""))
    if one.rule.judge is Judge.newer_core:
        pieces.append((f" ({one.rule.judge.value})", "dim"))
    return pieces


def _plain(out: TextIO) -> Callable[[list[Piece]], None]:
    def put(pieces: list[Piece]) -> None:
        out.write("".join(text for text, _ in pieces) + "\n")

    return put


def _in_colour(out: TextIO) -> Callable[[list[Piece]], None]:
    from rich.console import Console  # noqa: PLC0415  only a terminal shows it
    from rich.text import Text  # noqa: PLC0415

    console = Console(file=out, highlight=False, soft_wrap=True)

    def put(pieces: list[Piece]) -> None:
        console.print(Text.assemble(*pieces))

    return put
