"""A finding with its place: what every report prints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.model_config.rules.catalogue import RULES
from packager.model_config.rules.rule import Path, Severity

if TYPE_CHECKING:
    from packager.model_config.rules.rule import Finding, Rule

_SURROGATE = re.compile("[\ud800-\udfff]")  # how Python reads names that are no UTF-8
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Also what changes the direction of writing, and so what a reader sees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """A rule that a file or directory of a repository breaks.

    `file` is relative to the repository, with /; `line` and `column` are from 1, None for what is
    no line's fault. The rule goes by its id, so that this is cheap to send between processes.
    """

    rule_id: str
    severity: Severity
    model: str
    file: str
    message: str
    line: int | None = None
    column: int | None = None
    path: Path = ()
    advice: str = ""

    @property
    def remedy(self) -> str:
        """What to do: `advice` where there is a better one than the rule's."""
        return self.advice or self.rule.remedy

    @property
    def rule(self) -> Rule:
        """The rule itself."""
        return RULES[self.rule_id]

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Where it stands among others: by file, then by line."""
        return self.file, self.line or 0, self.column or 0, self.rule_id, self.message

    @property
    def field(self) -> str:
        """The field as a path: input[0].dims[1]; empty where it is none."""
        parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path]
        return "".join(parts).removeprefix(".")


def worded(finding: Finding, model: str) -> str:
    """Return a finding's words, with the model directory where a rule does not know it."""
    return finding.message.replace("<model directory>", model)


def shown(text: str) -> str:
    """Return a text in one line that every output can hold, whatever names the disk has."""
    text = _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
