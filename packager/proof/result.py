"""What a proof found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """A proof that passed (or was skipped by request), with its finding in words and numbers.

    `timing` is kept out of the manifest: it is never twice the same.
    """

    name: str
    finding: str
    passed: bool = True
    timing: str = ""
    measured: Mapping[str, float] = field(default_factory=dict)
