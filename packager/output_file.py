"""A result in a file of the user's choice: whole, or as it was before."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packager.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path


def require_writable(path: Path, *, where: str) -> None:
    """Check that a file can be put there, before the work whose result it holds.

    Raises:
        SpecError: it is a folder, or its folder is not there.
    """
    problem = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
    if path.is_dir() or not path.parent.is_dir():
        raise SpecError(problem, where=where, remedy="name a file in a folder that exists")


def write(path: Path, text: str) -> None:
    """Write a file at once, replacing the one before; a device or pipe gets the text as it is."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8", newline="")
        return
    target = path.resolve()  # of a link its file is replaced
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
