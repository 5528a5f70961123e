"""Runs the package managers that can fetch data."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from packager.datasets.sources.copies import SourceError

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 600.0


def run(*command: str, folder: Path) -> None:
    """Run a command in a folder, without a terminal and in plain English.

    Raises:
        SourceError: it is not installed, fails or takes more than ten minutes.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=TIMEOUT_S,
        )
    except FileNotFoundError as error:
        raise SourceError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{command[0]} took more than {TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise SourceError(f"{' '.join(command)} fails: {said[-1]}")
