"""Files in a folder on this machine, as they are or with .gz appended."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packager.datasets.sources.copies import Copy, Read, SourceError, gunzip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.dataset import FileSpec, SourceSpec


def copies(source: SourceSpec) -> Iterator[Copy]:
    """Offer the folder that `origin` names; a relative one is of the working directory."""
    yield copy_in(Path(source.origin).expanduser())


def copy_in(folder: Path) -> Copy:
    """Offer the files in a folder."""
    return Copy(place=str(folder), open=partial(_open, folder))


def read_file(folder: Path, file: FileSpec) -> bytes:
    """Read `name`, or else `name.gz` decompressed, from a folder.

    Raises:
        SourceError: the folder holds neither.
        WrongBytesError: the .gz does not decompress.
    """
    plain = folder / file.name
    if plain.is_file():
        return plain.read_bytes()
    compressed = folder / f"{file.name}.gz"
    if compressed.is_file():
        return gunzip(compressed.read_bytes(), place=str(compressed))
    raise SourceError(f"{folder} holds neither {file.name} nor {file.name}.gz")


def _open(folder: Path) -> AbstractContextManager[Read]:
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}")
    return nullcontext(partial(read_file, folder))
