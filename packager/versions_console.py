"""What `task=versions` prints: tables and sentences, or JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from packager import console
from packager.repository.integrity import Finding
from packager.repository.state import ModelState

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGITS = 8
"""So much of a digest tells versions apart."""

NAME_WIDTH = 24
"""Longer names are broken where the terminal is narrow."""

NOTES_WIDTH = 11
"""Notes are broken between words, so the longest one has to fit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A model to be listed: its state, which versions are signed, whether it is being changed."""

    state: ModelState
    signed: frozenset[int]
    is_being_changed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """A model of which another version is served, and what that changes for its clients."""

    model: str
    before: tuple[int, ...]
    now: tuple[int, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pruned:
    """Versions that were removed, and old ones that were not because they are served."""

    model: str
    removed: tuple[int, ...]
    freed_bytes: int
    left: tuple[int, ...]
    spared: tuple[int, ...]
    before: tuple[int, ...]
    now: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A version that was verified; `version` None is what the model's versions share.

    `answers` says how a server answers for it, empty where none was asked; `wrong_answers` are
    what is wrong of that.
    """

    model: str
    version: int | None
    findings: tuple[Finding, ...]
    signature: str = ""
    answers: str = ""
    wrong_answers: tuple[Finding, ...] = ()

    @property
    def praise(self) -> str:
        """What to say where nothing is found."""
        if self.version is None:
            return f"{self.model}: config and labels are as published"
        told = f"{self.model}: version {self.version} is as published; {self.signature}"
        return f"{told}; {self.answers}" if self.answers and not self.wrong_answers else told


def print_list(listed: Sequence[Listed], *, title: str, is_json: bool) -> None:
    """Print every version: newest last, as the numbers go."""
    if is_json:
        _print_json([row for one in listed for row in _rows(one)])
        return
    if not listed:
        console.out.print(f"there is no model in {title}", markup=False)
        return
    console.out.print(_table(listed, title=f"Versions in {title}"))
    for one in listed:
        if one.is_being_changed:
            console.out.print(
                f"[yellow]{escape(one.state.name)}[/]: a change is under way, or was interrupted;"
                " the next build, promote, rollback or prune finishes or undoes it"
            )


def print_served(served: Served, *, is_json: bool) -> None:
    """Print which version is served now, and before; then what clients will trip over."""
    if is_json:
        _print_json(
            {
                "model": served.model,
                "served_before": list(served.before),
                "served": list(served.now),
                "differences": list(served.differences),
            }
        )
        return
    was = _numbers(served.before)
    what = f"[bold]{escape(served.model)}[/] serves {_numbers(served.now)}"
    console.out.print(
        f"{what}, as before" if served.before == served.now else f"{what} now; {was} before"
    )
    for difference in served.differences:
        console.err.print(f"[yellow]clients will see:[/] {escape(difference)}")


def print_pruned(pruned: Pruned, *, is_json: bool) -> None:
    """Print what was removed and what that freed."""
    if is_json:
        _print_json(
            {
                "model": pruned.model,
                "removed": list(pruned.removed),
                "freed_bytes": pruned.freed_bytes,
                "versions": list(pruned.left),
                "served_before": list(pruned.before),
                "served": list(pruned.now),
            }
        )
        return
    name = f"[bold]{escape(pruned.model)}[/]"
    if pruned.removed:
        what = f"removed {_numbers(pruned.removed)}, {pruned.freed_bytes:,} bytes"
        console.out.print(f"{name}: {what}; {_numbers(pruned.left)} left")
    else:
        console.out.print(f"{name}: nothing to remove; {_numbers(pruned.left)} there")
    if pruned.spared:
        kept = f"{_numbers(pruned.spared)} {'is' if len(pruned.spared) == 1 else 'are'} served"
        console.out.print(f"{kept} and kept; task.force=true removes served versions too")
    if pruned.before != pruned.now:
        now, was = _numbers(pruned.now), _numbers(pruned.before)
        console.out.print(f"{name} serves {now} now; {was} before")


def print_checked(checked: Sequence[Checked], *, is_json: bool) -> None:
    """Print a line a version, or one for every file that is not as published."""
    if is_json:
        _print_json(
            [
                {
                    "model": one.model,
                    "version": one.version,
                    "findings": [
                        {"path": found.path, "problem": found.problem}
                        for found in (*one.findings, *one.wrong_answers)
                    ],
                    "signature": one.signature,
                    "answers": "" if one.wrong_answers else one.answers,
                }
                for one in checked
            ]
        )
        return
    for one in checked:
        for found in (*one.findings, *one.wrong_answers):
            console.out.print(f"[red]{escape(str(found))}[/]", soft_wrap=True)
        if not one.findings:
            console.out.print(escape(one.praise))


def print_pulled(model: str, versions: Sequence[int], *, to: str, is_json: bool) -> None:
    """Print which versions came, and where they are."""
    if is_json:
        _print_json({"model": model, "versions": list(versions), "directory": to})
        return
    console.out.print(f"[bold]{escape(model)}[/]: {_numbers(versions)} pulled to {escape(to)}")


def _table(listed: Sequence[Listed], *, title: str) -> Table:
    """Return the table of versions; its last column is there where there is a note."""
    rows = [row for one in listed for row in _rows(one) or [_no_version(one)]]
    table = Table(title=escape(title), title_justify="left")
    columns = ["model", "version", "built", "accuracy", "identity", "served"]
    if any(row["notes"] for row in rows):
        columns.append("notes")
    widest = max((len(one.state.name) for one in listed), default=0)
    for column in columns:
        least = {"model": min(widest, NAME_WIDTH), "notes": NOTES_WIDTH}.get(column)
        is_long = column in {"model", "notes"}
        table.add_column(column, overflow="fold", no_wrap=not is_long, min_width=least)
    for row in rows:
        table.add_row(*map(escape, _cells(row)[: len(columns)]))
    return table


def _rows(listed: Listed) -> list[dict[str, object]]:
    state = listed.state
    return [_row(listed, number) for number in state.versions]


def _row(listed: Listed, version: int) -> dict[str, object]:
    state, record = listed.state, listed.state.records.get(version)
    notes = [] if record is not None else ["no manifest"]
    if version in listed.signed:
        notes.append("signed")
    return {
        "model": state.name,
        "version": version,
        "built": record.built if record else "",
        "accuracy": record.accuracy if record else None,
        "identity": record.identity if record else "",
        "served": version in state.served,
        "signed": version in listed.signed,
        "being_changed": listed.is_being_changed,
        "notes": notes,
    }


def _no_version(listed: Listed) -> dict[str, object]:
    return {"model": listed.state.name, "version": "", "notes": ["no version"]}


def _cells(row: dict[str, object]) -> list[str]:
    accuracy, notes = row.get("accuracy"), row["notes"]
    return [
        str(row["model"]),
        str(row["version"]),
        _local_time(str(row.get("built", ""))),
        f"{accuracy:.2%}" if isinstance(accuracy, float) else "",
        str(row.get("identity", ""))[:DIGITS],
        "yes" if row.get("served") else "",
        "; ".join(map(str, notes)) if isinstance(notes, list) else "",
    ]


def _local_time(built: str) -> str:
    """Return a time in UTC as this host's clock shows it."""
    try:
        return f"{datetime.fromisoformat(built).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return built


def _numbers(versions: Sequence[int]) -> str:
    if not versions:
        return "no version"
    return f"version{'s' if len(versions) > 1 else ''} {', '.join(map(str, versions))}"


def _print_json(content: object) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    console.out.print(text, markup=False, emoji=False)
