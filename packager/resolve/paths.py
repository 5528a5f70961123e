"""Paths as they are given: `~` is the user's home, and relative to the working directory."""

from __future__ import annotations

from pathlib import Path
from typing import overload


@overload
def absolute(text: str) -> Path: ...
@overload
def absolute(text: str | None) -> Path | None: ...
def absolute(text: str | None) -> Path | None:
    """Return an absolute path; None where nothing is given."""
    return Path(text).expanduser().absolute() if text else None
