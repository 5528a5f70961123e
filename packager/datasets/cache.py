"""The cache of verified files, and its record of where each of them came from."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packager.spec.dataset import FileSpec, SourceKind, SourceSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LOCK = ".lock"
RECORD = "sources.json"
TEMPORARY = ".tmp-"

logger = logging.getLogger(__name__)

Record = dict[str, dict[str, str]]
"""File name -> sha256, kind, origin and folder of the source that served it."""


def torchvision_place(source: SourceSpec, folder: Path) -> Path:
    """Return where the data of torchvision's class are kept; other arguments may be other data."""
    arguments = json.dumps(dict(source.arguments), sort_keys=True, default=str)
    name = hashlib.sha256(arguments.encode()).hexdigest()[:8]
    return folder / "torchvision" / (source.origin + (f"-{name}" if source.arguments else ""))


def digest(path: Path) -> str:
    """Return a file's sha256 in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_complete(
    source: SourceSpec, folder: Path, *, digest: Callable[[Path], str] = digest
) -> bool:
    """Say whether the cache folder holds every file of a source, verified by `digest`."""
    files = source.files.values()
    return bool(files) and all(
        file.sha256 is not None and _found(folder / file.name, digest) == file.sha256
        for file in files
    )


def refusals(source: SourceSpec, folder: Path) -> Iterator[str]:
    """Describe the cached files of a source that do not verify."""
    for file in source.files.values():
        found = _found(folder / file.name, digest)
        if file.sha256 is not None and found not in {None, file.sha256}:
            yield f"{folder / file.name} has sha256 {found}, expected {file.sha256}"


def origin(source: SourceSpec, folder: Path) -> SourceSpec:
    """Say which source really served the cached files that `source` lists.

    Without a record of all of them, from one source, it is the cache's own folder.
    """
    record = _read_record(folder)
    entries = [record.get(file.name) for file in source.files.values()]
    first = entries[0]
    if first is not None and all(
        entry is not None and entry == _entry(_recorded(source, first), file)
        for entry, file in zip(entries, source.files.values(), strict=True)
    ):
        return _recorded(source, first)
    return replace(source, kind=SourceKind.folder, origin=str(folder), folder="")


def store(source: SourceSpec, contents: Mapping[str, bytes], folder: Path) -> None:
    """Write a source's verified files (name -> bytes) and record where they came from.

    The caller holds the lock. The old record goes first: a crash in between leaves files of
    unknown origin, never of a wrong one.
    """
    record = {name: entry for name, entry in _read_record(folder).items() if name not in contents}
    _write_record(folder, record)
    for name, data in contents.items():
        write_atomic(folder / name, data)
    _write_record(
        folder, record | {file.name: _entry(source, file) for file in source.files.values()}
    )


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder and keep other processes from writing to it; clear what a killed one left.

    The operating system frees the lock of a process that dies.
    """
    # Imported here: who finds everything in the cache locks nothing.
    from filelock import FileLock, Timeout  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("waiting for another process that fetches into %s", folder)
        lock.acquire()
    try:
        for left in folder.glob(f"{TEMPORARY}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def write_atomic(path: Path, data: bytes) -> None:
    """Write a whole file or nothing, even when interrupted or killed."""
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _found(path: Path, digest: Callable[[Path], str]) -> str | None:
    """Hash a file; None if it cannot be read, as when there is none."""
    try:
        return digest(path)
    except OSError:
        return None


def _entry(source: SourceSpec, file: FileSpec) -> dict[str, str]:
    return {
        "sha256": file.sha256 or "",
        "kind": source.kind.value,
        "origin": source.origin,
        "folder": source.folder,
    }


def _recorded(source: SourceSpec, entry: Mapping[str, str]) -> SourceSpec:
    return replace(
        source,
        kind=SourceKind(entry["kind"]),
        origin=entry["origin"],
        folder=entry["folder"],
    )


def _read_record(folder: Path) -> Record:
    """Read the record; an unreadable one counts as none, for it proves nothing."""
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: {
                "sha256": str(entry["sha256"]),
                "kind": SourceKind(entry["kind"]).value,
                "origin": str(entry["origin"]),
                "folder": str(entry["folder"]),
            }
            for name, entry in record.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("ignoring the unreadable record %s: %s", path, error)
        return {}


def _write_record(folder: Path, record: Record) -> None:
    write_atomic(folder / RECORD, json.dumps(record, indent=2, sort_keys=True).encode())
