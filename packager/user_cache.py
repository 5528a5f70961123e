"""The user's cache directory, where the XDG base directory specification puts it."""

from __future__ import annotations

import os
from pathlib import Path


def root() -> Path:
    """Return `$XDG_CACHE_HOME/packager`, or `~/.cache/packager`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "packager"
