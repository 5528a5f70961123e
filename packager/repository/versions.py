"""Version directories, as Triton reads them: integers from 1, without leading zeros."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VERSION = re.compile(r"[1-9][0-9]*")


def versions(model: Path) -> tuple[int, ...]:
    """Return the version numbers in a model's directory, ascending; none where there is none."""
    if not model.is_dir():
        return ()
    return tuple(
        sorted(int(entry.name) for entry in model.iterdir() if VERSION.fullmatch(entry.name))
    )


def next_version(model: Path) -> int:
    """Return the number that the next version gets."""
    return max(versions(model), default=0) + 1
