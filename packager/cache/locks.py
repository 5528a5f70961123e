"""Locks of a cache; the operating system frees those of a process that dies."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POLL_SECONDS = 0.02

logger = logging.getLogger(__name__)

FAILURES = (OSError, NotImplementedError)
"""What taking a lock raises where the folder cannot be written, or its filesystem has no locks."""


@contextlib.contextmanager
def locked(path: Path, *, work: str = "") -> Iterator[None]:
    """Hold a lock; waiting for another process that does the `work` is told.

    Raises:
        OSError: the folder cannot be written.
        NotImplementedError: its filesystem has no locks.
    """
    # An unchanged build takes no lock, and the import takes as long as the rest of its look-ups.
    from filelock import FileLock, Timeout  # noqa: PLC0415

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if work:
            logger.info("waiting for another process: %s", work)
        lock.acquire(poll_interval=POLL_SECONDS)
    try:
        with contextlib.suppress(OSError):
            os.utime(path)  # the age of a lock tells which are forgotten
        yield
    finally:
        lock.release()


def is_free(path: Path) -> bool:
    """Say whether nobody holds a lock: whoever did has ended, or was killed."""
    from filelock import FileLock, Timeout  # noqa: PLC0415

    try:
        with FileLock(path).acquire(timeout=0):
            return True
    except Timeout:
        return False
