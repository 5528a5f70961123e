"""Filesystems of a test's own: full ones, read-only ones, others than the repository's."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_mount = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux mounts filesystems"
)
"""Where this holds and mount is refused all the same, the test fails."""


@contextlib.contextmanager
def mounted(target: Path, *arguments: str) -> Iterator[Path]:
    """Mount something at a directory or file, and take it away again."""
    subprocess.run(["mount", *arguments, str(target)], check=True)
    try:
        yield target
    finally:
        subprocess.run(["umount", "--lazy", str(target)], check=True)


def tmpfs(target: Path, options: str) -> contextlib.AbstractContextManager[Path]:
    """Mount an empty filesystem in memory, for example with `size=1m`."""
    return mounted(target, "-t", "tmpfs", "-o", options, "tmpfs")


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Make a directory read-only, for root too: a bind mount onto itself."""
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield folder
