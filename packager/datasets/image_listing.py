"""Image files by their names: what lies in a folder and below it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from packager.errors import UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def folders(folder: Path) -> list[str]:
    """Name the folders right in a folder."""
    return [entry.name for entry in _entries(folder) if entry.is_dir()]


def images(folder: Path) -> list[str]:
    """Name the images right in a folder; a link to nothing too, which is told when it is read."""
    return [
        entry.name
        for entry in _entries(folder)
        if entry.name.lower().endswith(SUFFIXES) and not entry.is_dir()
    ]


def images_below(folder: Path) -> list[str]:
    """Name the images in a folder and in those within it, by their paths from there."""
    inner = [entry.name for entry in _entries(folder) if entry.is_dir(follow_symlinks=False)]
    below = [f"{name}/{path}" for name in inner for path in images_below(folder / name)]
    return [*images(folder), *below]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise UnavailableError(
            f"cannot be read: {error.strerror or error}",
            where=str(folder),
            remedy="make it readable to this user",
        ) from error
