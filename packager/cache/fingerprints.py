"""sha256 of files without reading those that did not change, as git's index does it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

RACY_NS = 2_000_000_000
"""A file that changed so shortly before it was read may change again under the same times."""

Status = tuple[int, int, int, int]
"""Size, times of change of content and of anything in ns, inode: who changes a file changes one."""


class Fingerprints:
    """An index of files' digests at `path`; a broken or missing one is begun anew.

    It is written by `save` only. A `frozen` one is never written. A process reads all of it: files
    that are asked for together belong in an index of their own.
    """

    def __init__(self, path: Path, *, frozen: bool = False) -> None:
        self._path = path
        self._frozen = frozen
        self._entries = _read(path)
        self._asked: set[str] = set()
        self._changed = False

    def sha256(self, file: Path) -> str:
        """Return a file's sha256 in hexadecimal.

        Raises:
            OSError: it cannot be read.
        """
        name = os.path.abspath(file)  # noqa: PTH100  resolving links is ten times as slow
        return self._sha256(name, _status(os.stat(name)))  # noqa: PTH116

    def files(self, root: Path) -> Mapping[str, str]:
        """Return the sha256 of every regular file beneath a folder by its path there, sorted.

        Links are followed, and nothing is skipped but what is no file.

        Raises:
            OSError: the folder or a file in it cannot be read.
        """
        start = os.path.abspath(root)  # noqa: PTH100
        return {
            name[len(start) :].lstrip("/"): self._sha256(name, status)
            for name, status in sorted(_regular_files(start))
        }

    def tree(self, root: Path) -> str:
        """Return one digest of the paths and contents of all files beneath a folder.

        Raises:
            OSError: the folder or a file in it cannot be read.
        """
        digest = hashlib.sha256()
        for name, sha256 in self.files(root).items():
            digest.update(os.fsencode(name) + b"\0" + sha256.encode() + b"\n")
        return digest.hexdigest()

    def parsed(self, file: Path, parse: Callable[[bytes], list[str]], *, by: str) -> list[str]:
        """Return what `parse` finds in a file, from the index where the same one has parsed it.

        `by` tells one parser from another: the digest of its own source.

        Raises:
            OSError: the file cannot be read.
        """
        sha256 = self.sha256(file)
        name = os.path.abspath(file)  # noqa: PTH100
        entry = self._entries.get(name)
        if entry is not None and entry[1] == sha256 and entry[2] == by:
            return list(entry[3])
        found = parse(file.read_bytes())
        if entry is not None and entry[1] == sha256:
            self._entries[name] = (*entry[:2], by, found)
            self._changed = True
        return found

    def save(self) -> None:
        """Write the index, if it changed; that it cannot be written costs time only."""
        if self._changed and not self._frozen:
            self._forget()
            with contextlib.suppress(OSError):
                _write(self._path, self._entries)
                self._changed = False

    def _sha256(self, name: str, status: Status) -> str:
        self._asked.add(name)
        entry = self._entries.get(name)
        if entry is not None and entry[0] == status:
            return str(entry[1])
        return self._hashed(name)

    def _hashed(self, name: str) -> str:
        with open(name, "rb") as stream:  # noqa: PTH123
            began_ns = time.time_ns()
            status = _status(os.fstat(stream.fileno()))
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            settled = status == _status(os.fstat(stream.fileno()))
        if settled and began_ns - max(status[1], status[2]) > RACY_NS:
            self._entries[name] = (status, digest, "", [])
            self._changed = True
        elif self._entries.pop(name, None) is not None:
            self._changed = True
        return digest

    def _forget(self) -> None:
        """Drop files that are no more, so that the index does not grow for ever."""
        for name in [name for name in self._entries if name not in self._asked]:
            if not os.path.exists(name):  # noqa: PTH110
                del self._entries[name]


Entry = tuple[Status, str, str, list[str]]
"""Status, sha256, who parsed the file (or nobody), and what was found in it."""


def _regular_files(
    folder: str, above: tuple[tuple[int, int], ...] = ()
) -> Iterator[tuple[str, Status]]:
    """Yield path and status of the files beneath a folder; a link to a folder above is a circle."""
    found = os.stat(folder)  # noqa: PTH116
    here = (found.st_dev, found.st_ino)
    if here in above:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _regular_files(entry.path, (*above, here))
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:  # a link that leads nowhere
                continue
            if stat.S_ISREG(status.st_mode):
                yield entry.path, _status(status)


def _status(found: os.stat_result) -> Status:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _read(path: Path) -> dict[str, Entry]:
    """Read an index: a line with the sha256 of the rest, then JSON."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return {}
        return {
            name: ((size, mtime_ns, ctime_ns, inode), sha256, by, found)
            for name, size, mtime_ns, ctime_ns, inode, sha256, by, found in json.loads(content)
        }
    except (OSError, ValueError, TypeError):
        return {}


def _write(path: Path, entries: Mapping[str, Entry]) -> None:
    """Write an index whole or not at all."""
    lines = [(name, *status, *rest) for name, (status, *rest) in entries.items()]
    content = json.dumps(lines, separators=(",", ":")).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        temporary.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
