"""What becomes of a command whose reader has gone, as in `packager-lint DIR | head`."""

from __future__ import annotations

import os
import sys

from packager.errors import EXIT_BROKEN_PIPE


def reader_is_gone() -> int:
    """Return the exit status of programs that a closed pipe ends; nothing more is written."""
    # Python flushes standard output once more when it ends, and would complain then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_BROKEN_PIPE
