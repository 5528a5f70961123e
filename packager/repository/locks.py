"""Locks between processes: one writer a model, and one owner a folder of work in progress.

A lock's file is removed while it is held: filelock looks whether the file it has locked still has a
name, and tries again where it has none, so two processes never hold what one name stands for.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""How long to wait before saying what for."""


@contextlib.contextmanager
def held(path: Path, *, waiting_for: str) -> Iterator[None]:
    """Hold a lock, after waiting for a process that holds it; its file is gone afterwards."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=PATIENCE_S)
    except Timeout:
        _log.warning("waiting for %s", waiting_for)
        lock.acquire()
    with _released(lock, path):
        yield


@contextlib.contextmanager
def tried(path: Path) -> Iterator[bool]:
    """Hold a lock if nobody else does, and say whether; its file is gone afterwards."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    with _released(lock, path):
        yield True


@contextlib.contextmanager
def _released(lock: FileLock, path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        lock.release()
