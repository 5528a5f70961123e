"""Files that outlast a power cut, and that a server under another user can read."""

from __future__ import annotations

import os
import time
from pathlib import Path

from packager.errors import UnavailableError

FILE_MODE = 0o644
FOLDER_MODE = 0o755

TICK_S = 0.01
"""The coarsest clock of a local filesystem. Triton sees a change by a later time of the model's
directory: two changes must not get the same, or the second could be missed for ever."""


def write(path: Path, content: bytes) -> None:
    """Write a file and force it to the disk, readable by everybody."""
    path.write_bytes(content)
    _seal(path, FILE_MODE)


def make_folder(folder: Path) -> None:
    """Make a directory and those above that are missing, for everybody to read."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    folder.chmod(FOLDER_MODE)


def seal(directory: Path) -> None:
    """Force a tree's files and directories to the disk, readable by everybody.

    Raises:
        UnavailableError: something in it is no file of its own: a link, a pipe, a device.
    """
    for parent, folders, files in os.walk(directory):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise UnavailableError(
                    f"{path} is no plain file: somebody has changed the staged model",
                    where="repository.staging",
                    remedy="leave it alone while a build runs, or choose a folder of your own",
                )
        for name in files:
            _seal(Path(parent, name), FILE_MODE)
        _seal(Path(parent), FOLDER_MODE)


def move(source: Path, target: Path) -> None:
    """Rename at once, over a file that is there; the next change gets a later time."""
    source.replace(target)
    sync(target.parent)
    time.sleep(TICK_S)


def remove(path: Path) -> None:
    """Take a file out; the next change gets a later time."""
    path.unlink(missing_ok=True)
    sync(path.parent)
    time.sleep(TICK_S)


def sync(path: Path) -> None:
    """Force a file, or the names in a directory, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seal(path: Path, mode: int) -> None:
    path.chmod(mode)
    sync(path)
