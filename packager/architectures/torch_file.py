"""Which of torch's file formats a file is in, told from its bytes; imports no torch."""

from __future__ import annotations

import zipfile
from enum import Enum
from typing import TYPE_CHECKING

from packager.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

ZIP_START = b"PK"
LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The pickled magic number that torch.save began files with before 1.6."""
LFS_START = b"version https://git-lfs"


class FileKind(Enum):
    """What wrote a file."""

    torchscript = "torch.jit.save"
    saved = "torch.save"
    exported = "torch.export.save"
    cut_short = "a zip archive whose end is missing"
    other = "something else"


def kind_of(path: Path) -> FileKind:
    """Return what wrote a file, from its first bytes and the names in its archive.

    Source: torch, `caffe2/serialize/inline_container.h` and `torch/export/pt2_archive`.
    """
    with path.open("rb") as file:
        start = file.read(len(LEGACY_START))
    if start == LEGACY_START:
        return FileKind.saved
    if not start.startswith(ZIP_START):
        return FileKind.other
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] or name for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, EOFError):
        return FileKind.cut_short
    if names & {"archive_format", "serialized_exported_program.json"}:
        return FileKind.exported
    if "constants.pkl" in names:
        return FileKind.torchscript
    return FileKind.saved if "data.pkl" in names else FileKind.other


def require_file(path: Path, *, where: str) -> None:
    """Check that there is a file that can be read and holds something.

    Raises:
        SpecError: there is none, with what is there instead.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(LFS_START))
    except FileNotFoundError as error:
        raise SpecError(
            f"there is no file {path}",
            where=where,
            remedy="give the path of a file; a relative one starts at the working directory",
        ) from error
    except OSError as error:
        raise SpecError(
            f"{path} cannot be read: {error.strerror}",
            where=where,
            remedy="give the path of a file that this user may read",
        ) from error
    if start == LFS_START:
        raise SpecError(
            f"{path} is a pointer of Git LFS, not the file itself",
            where=where,
            remedy="fetch it with `git lfs pull`",
        )
    if not start:
        raise SpecError(f"{path} is empty", where=where, remedy="write or copy it again")
