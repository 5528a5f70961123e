"""Images that are listed but not decoded yet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import torch

from packager.datasets.decoding import UnreadableImageError, open_image

if TYPE_CHECKING:
    from PIL import Image


class Pictures(Protocol):
    """Images by index; all methods are called from several threads at once."""

    def __len__(self) -> int:
        """Return how many there are."""

    def name(self, index: int) -> str:
        """Say which image that is, for people and for the digest."""

    def place(self, index: int) -> str:
        """Say where it is, for an error."""

    def open(self, index: int) -> Image.Image:
        """Open one for `decode`; raise `UnreadableImageError`."""

    def digest(self, index: int) -> str:
        """Return the sha256 of its content."""

    def part(self, indices: torch.Tensor) -> Pictures:
        """Return those alone, in that order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Files:
    """Image files by their paths relative to `root`."""

    root: Path
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, index: int) -> str:
        """Return the relative path."""
        return self.paths[index]

    def place(self, index: int) -> str:
        """Return the whole path."""
        return str(self.root / self.paths[index])

    def open(self, index: int) -> Image.Image:
        """Open the file; raise `UnreadableImageError`."""
        return open_image(f"{self.root}/{self.paths[index]}")

    def digest(self, index: int) -> str:
        """Hash the file's bytes; raise `UnreadableImageError`."""
        try:
            with Path(self.root, self.paths[index]).open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise UnreadableImageError(error.strerror or str(error)) from error

    def part(self, indices: torch.Tensor) -> Files:
        """Return those files alone, in that order."""
        return Files(root=self.root, paths=tuple(self.paths[index] for index in indices.tolist()))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Listed:
    """Undecoded images and their labels, int64 [N]."""

    pictures: Pictures
    labels: torch.Tensor

    def part(self, indices: torch.Tensor) -> Listed:
        """Return those images alone, in that order."""
        return Listed(pictures=self.pictures.part(indices), labels=self.labels[indices])
