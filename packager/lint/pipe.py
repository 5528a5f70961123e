"""What becomes of a command whose reader has gone, as in `packager-lint DIR | head`."""

from __future__ import annotations

import os
import sys

from packager.errors import EXIT_BROKEN_PIPE


def reader_is_gone() -> int:
    """Return the exit status of programs that a closed pipe ends; nothing more is written."""
    write_nothing_more()
    return EXIT_BROKEN_PIPE


def write_nothing_more() -> None:
    """Let standard output lead nowhere."""
    # Python flushes it once more when it ends, and would complain then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
