"""Where everything lies in a cache of results, and how it is kept within its size."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packager.cache.locks import is_free

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

OWNER = "owner"
"""The lock in a temporary folder, held by the process that it belongs to."""

OWNED_SECONDS = 10
"""By then a process that makes a temporary folder holds its lock."""

LOCK_SECONDS = 30 * 24 * 3600
"""No stage takes so long; were one to, another process would only do the same work again."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a cache, at its root."""

    root: Path

    @property
    def lock(self) -> Path:
        """Whoever adds or removes entries holds it; it is never removed."""
        return self.root / "lock"

    @property
    def records(self) -> Path:
        """One file a result: `<stage>/<key>.json`."""
        return self.root / "records"

    @property
    def objects(self) -> Path:
        """The files of all results by their sha256: `ab/ab12...`."""
        return self.root / "objects"

    @property
    def producers(self) -> Path:
        """The locks of those who make a result."""
        return self.root / "producers"

    @property
    def temporary(self) -> Path:
        """A folder for each process that is adding an entry."""
        return self.root / "temporary"

    def record(self, stage: str, key: str) -> Path:
        """Return a result's record."""
        return self.records / stage / f"{key}.json"

    def blob(self, sha256: str) -> Path:
        """Return where a file of this content lies."""
        return self.objects / sha256[:2] / sha256

    def producer(self, stage: str, key: str) -> Path:
        """Return the lock of whoever makes a result."""
        return self.producers / f"{stage}-{key}.lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    used_ns: int
    size_bytes: int
    path: Path


def make_room(folder: Folder, *, max_bytes: int, kept: Container[Path]) -> None:
    """Remove the results used longest ago until the cache is within its size.

    The caller holds the folder's lock. Records in `kept` stay. A record goes before its files, so
    that a reader in another process misses a result and never takes half of one.
    """
    blobs = {entry.path.name: entry.size_bytes for entry in _entries(folder.objects)}
    records = list(_entries(folder.records))
    excess = sum(blobs.values()) + sum(record.size_bytes for record in records) - max_bytes
    if excess <= 0:
        return
    files = {record.path: _files(record.path) for record in records}
    uses = Counter(sha256 for named in files.values() for sha256 in named)
    excess -= _remove_unused(folder, blobs, uses)
    for record in sorted(records, key=lambda record: (record.used_ns, str(record.path))):
        if excess <= 0:
            return
        if record.path not in kept:
            record.path.unlink(missing_ok=True)
            uses.subtract(files[record.path])
            excess -= record.size_bytes + _remove_unused(folder, blobs, uses)


def sweep(folder: Folder) -> None:
    """Remove what killed processes left, and locks that nobody has used for long."""
    now = time.time()
    for left in _listed(folder.temporary):
        if now - left.stat().st_mtime > OWNED_SECONDS and is_free(left / OWNER):
            remove_folder(left)
    for lock in _listed(folder.producers):
        if now - lock.stat().st_mtime > LOCK_SECONDS:
            lock.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder of files; what is gone already is no matter."""
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            path.unlink(missing_ok=True)
        folder.rmdir()


def _remove_unused(folder: Folder, blobs: dict[str, int], uses: Counter[str]) -> int:
    """Remove the files that no record names; return their bytes."""
    unused = [sha256 for sha256 in blobs if uses[sha256] <= 0]
    for sha256 in unused:
        folder.blob(sha256).unlink(missing_ok=True)
    return sum(blobs.pop(sha256) for sha256 in unused)


def _entries(parent: Path) -> Iterator[_Entry]:
    """Yield the files two levels down."""
    for child in _listed(parent):
        with os.scandir(child) as entries:
            for entry in entries:
                status = entry.stat()
                yield _Entry(
                    used_ns=status.st_mtime_ns, size_bytes=status.st_size, path=Path(entry.path)
                )


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _files(record: Path) -> tuple[str, ...]:
    """Return the files that a record names; none where it is broken, for it cannot be used."""
    try:
        return tuple(set(json.loads(record.read_bytes())["result"]["files"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()
