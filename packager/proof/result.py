"""What a proof found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Verdict(Enum):
    """How a proof ended; one that fails raises instead."""

    passed = "passed"
    skipped = "skipped"
    after_publishing = "after publishing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """A proof's verdict, with its finding in words and numbers.

    `timing` is kept out of the manifest: it is never twice the same.
    """

    name: str
    finding: str
    verdict: Verdict = Verdict.passed
    timing: str = ""
    measured: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the proof as a JSON object."""
        return {
            **asdict(self),
            "verdict": self.verdict.value,
            "measured": dict(self.measured),
        }


def from_json(content: Mapping[str, Any]) -> Proof:
    """Return the proof that `as_json` told of."""
    return Proof(**{**content, "verdict": Verdict(content["verdict"])})
