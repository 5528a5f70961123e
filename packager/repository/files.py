"""A model repository to be read, wherever its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from packager.repository.manifest import sha256
from packager.repository.versions import versions


class Files(Protocol):
    """A repository to be read; paths are relative to its root, with slashes."""

    def models(self) -> tuple[str, ...]:
        """Return the names of the models, sorted."""

    def versions(self, model: str) -> tuple[int, ...]:
        """Return a model's versions that are published, ascending."""

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is none."""

    def files(self, folder: str) -> tuple[str, ...]:
        """Return the paths of all files beneath a folder, sorted."""

    def sha256(self, path: str) -> str:
        """Return a file's sha256 in hexadecimal."""


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """A repository on a filesystem."""

    root: Path

    def models(self) -> tuple[str, ...]:
        """Return the names of the models: of every directory, as Triton takes them."""
        if not self.root.is_dir():
            return ()
        return tuple(sorted(path.name for path in self.root.iterdir() if path.is_dir()))

    def versions(self, model: str) -> tuple[int, ...]:
        """Return a model's versions, ascending."""
        return versions(self.root / model)

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is none."""
        try:
            return (self.root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def files(self, folder: str) -> tuple[str, ...]:
        """Return the paths of all files beneath a folder, sorted."""
        found = (self.root / folder).rglob("*")
        return tuple(sorted(str(path.relative_to(self.root)) for path in found if path.is_file()))

    def sha256(self, path: str) -> str:
        """Return a file's sha256 in hexadecimal."""
        return sha256(self.root / path)
