"""Files that a user asked for: there whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from packager.errors import UnavailableError


def write_whole(path: Path, content: bytes, *, key: str) -> None:
    """Write a file under another name beside it, then rename it; folders are made.

    Raises:
        UnavailableError: it cannot be written; names the `key` that chose it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(0o666 & ~mask)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UnavailableError(
            f"{path} cannot be written: {error.strerror or error}",
            where=key,
            remedy=f"choose another place: {key}=...",
        ) from error
