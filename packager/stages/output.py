"""What a stage gives when it is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """A stage's value, of JSON's types, and its files by name.

    `value["finding"]` is what is told of it, now and whenever it is used again. What is not final
    is not kept for another build.
    """

    value: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)
    is_final: bool = True
