"""Files in a folder on this machine, as they are or with .gz appended."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packager.datasets.sources.copies import Copy, Read, SourceError, gunzip, verify

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


def in_place(source: SourceSpec) -> dict[str, Path]:
    """Find a source's files, role -> path, where they lie; a .gz is left compressed.

    `origin` is a folder, or the file itself where the format has only one. Test files may be
    missing, but not one of a pair.

    Raises:
        SourceError: a file is missing, or has another sha256 than the recipe gives.
    """
    origin = Path(source.origin).expanduser()
    if origin.is_file() and len(source.files) == 1:
        return dict.fromkeys(source.files, origin)
    if not origin.exists() and len(source.files) == 1:
        raise SourceError(f"there is no folder or file {origin}")
    _require_folder(origin)
    found = {role: _find(origin, file) for role, file in source.files.items()}
    tests = {role for role in found if role.startswith("test_")}
    missing = {role for role, path in found.items() if path is None}
    if missing == tests:
        missing = set()
    for role in sorted(missing, key=lambda role: (role in tests, role)):
        name = source.files[role].name
        raise SourceError(f"{origin} holds neither {name} nor {name}.gz")
    for role, path in found.items():
        if path is not None and source.files[role].sha256 is not None:
            verify(read_file(origin, source.files[role]), source.files[role], place=str(path))
    return {role: path for role, path in found.items() if path is not None}


def root_of(source: SourceSpec) -> Path:
    """Return the folder that `origin` names, if there is one.

    Raises:
        SourceError: there is none.
    """
    folder = Path(source.origin).expanduser()
    _require_folder(folder)
    return folder


def _find(folder: Path, file: FileSpec) -> Path | None:
    candidates = (folder / file.name, folder / f"{file.name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _require_folder(folder: Path) -> None:
    if folder.is_file():
        raise SourceError(f"{folder} is a file; expected a folder")
    if not folder.is_dir():
        raise SourceError(f"there is no folder {folder}")


def _open(folder: Path) -> AbstractContextManager[Read]:
    _require_folder(folder)
    return nullcontext(partial(read_file, folder))
