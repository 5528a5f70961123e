"""A repository's directories as they are on disk, each listed once, when it is asked for."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

LARGEST_LABELS_BYTES = 64 * 2**20


class Kind(Enum):
    """What stands behind a name, links followed as Triton follows them."""

    directory = "directory"
    file = "file"
    nothing = "a link that leads nowhere"


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a directory."""

    name: str
    kind: Kind
    is_link: bool


Listing = dict[str, Entry]


def listing(path: str) -> Listing:
    """Return what is in a directory, by name, sorted.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(path) as found:
        entries = [_entry(one) for one in found]
    return {one.name: one for one in sorted(entries, key=lambda one: one.name)}


def _entry(found: os.DirEntry[str]) -> Entry:
    try:
        if found.is_dir():
            return Entry(found.name, Kind.directory, found.is_symlink())
        if not found.is_symlink() or os.path.exists(found.path):  # noqa: PTH110  speed
            return Entry(found.name, Kind.file, found.is_symlink())
    except OSError:  # a loop of links, for example
        pass
    return Entry(found.name, Kind.nothing, True)


class ModelDirectory:
    """One model's files: the `ModelFiles` of its rules."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self._name = name
        self._listings: dict[str, Listing] = {}

    @property
    def name(self) -> str:
        """The directory's own name."""
        return self._name

    @cached_property
    def top(self) -> Listing:
        """What is in the model directory itself.

        Raises:
            OSError: it cannot be read.
        """
        return listing(self.path)

    def directories(self) -> list[str]:
        """The names of its sub-directories, sorted."""
        return [one.name for one in self.top.values() if one.kind is Kind.directory]

    def entries(self, directory: str) -> list[str]:
        """The names in one of its sub-directories, sorted; without links that lead nowhere."""
        inside = self.inside(directory).values()
        return [one.name for one in inside if one.kind is not Kind.nothing]

    def inside(self, directory: str) -> Listing:
        """What is in one of its sub-directories; nothing where it cannot be read."""
        if directory not in self._listings:
            try:
                self._listings[directory] = listing(os.path.join(self.path, directory))  # noqa: PTH118
            except (OSError, ValueError):
                self._listings[directory] = {}
        return self._listings[directory]

    def is_directory(self, path: str) -> bool:
        """Whether `path` is a directory."""
        directory, _, name = path.rpartition("/")
        found = (self.inside(directory) if directory else self.top).get(name)
        return found is not None and found.kind is Kind.directory

    def size(self, path: str) -> int | None:
        """The bytes of a file; None where there is none."""
        found = self._stat(path)
        return found.st_size if found else None

    def is_regular(self, path: str) -> bool:
        """Whether `path` may be read to its end: a pipe or a device may have none."""
        found = self._stat(path)
        return found is not None and stat.S_ISREG(found.st_mode)

    def lines(self, path: str) -> int | None:
        """The lines of a text file; None where there is none, or none that is worth reading."""
        if not self.is_regular(path) or (self.size(path) or 0) > LARGEST_LABELS_BYTES:
            return None
        try:
            with open(os.path.join(self.path, path), "rb") as file:  # noqa: PTH118, PTH123
                return sum(1 for _ in file)
        except (OSError, ValueError):
            return None

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(os.path.join(self.path, path))  # noqa: PTH116, PTH118  speed
        except (OSError, ValueError):
            return None
