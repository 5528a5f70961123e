"""Paths that Triton's Python stub can take: Triton starts it through a shell, unquoted."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packager.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SAFE = re.compile(r"[A-Za-z0-9_./@%+=:,\-]*")


def is_safe(path: Path) -> bool:
    """Whether a shell leaves the path in one piece; with a space in it Triton aborts."""
    return _SAFE.fullmatch(str(path)) is not None


@contextmanager
def safe(directory: Path) -> Iterator[Path]:
    """The directory, by a link to it where a shell would take its own path apart.

    Raises:
        UnavailableError: the folder for temporary files has such a path too.
    """
    if is_safe(directory):
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="packager-link-") as folder:
        link = Path(folder) / "repository"
        require_safe(link, setting="TMPDIR")
        link.symlink_to(directory)
        yield link


def require_safe(path: Path, *, setting: str) -> None:
    """Refuse a path that cannot be given by a link.

    Raises:
        UnavailableError: it has a space, or another character that a shell acts on.
    """
    if not is_safe(path):
        raise UnavailableError(
            f"{path} holds a character that Triton's Python backend cannot take",
            where="server",
            remedy=f"set {setting} to a directory without spaces and such",
        )
