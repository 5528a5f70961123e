"""A result in a file of the user's choice: whole, or as it was before."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packager.errors import SpecError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator


def require_writable(path: Path, *, where: str) -> None:
    """Check that a file can be put there, before the work whose result it holds; make its folder.

    Raises:
        SpecError: it is a folder.
        UnavailableError: it cannot be written.
    """
    if path.is_dir():
        raise SpecError("is a folder", where=where, remedy="name a file")
    if path.exists() and not path.is_file():
        return
    with _reported(path, where):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.resolve().parent):
            pass


def write(path: Path, content: bytes, *, where: str) -> None:
    """Write a file at once, replacing the one before; a device or pipe gets the bytes as they are.

    Raises:
        UnavailableError: it cannot be written; the file before is left.
    """
    with _reported(path, where):
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        target = path.resolve()  # of a link its file is replaced
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".packager-", dir=target.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            temporary.chmod(_mode())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def _mode() -> int:
    """Return what a new file of this user's may be, which a temporary one is not."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextlib.contextmanager
def _reported(path: Path, where: str) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise UnavailableError(
            f"{path} cannot be written: a file lies where a folder is needed",
            where=where,
            remedy=f"choose another place: {where}=...",
        ) from error
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be written: {error.strerror or error}",
            where=where,
            remedy=f"free some space, or choose another place: {where}=...",
        ) from error
