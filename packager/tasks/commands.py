"""Commands of ours to be printed: with the Python that runs, quoted for the shell and for Hydra."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString

DEFAULT_REPOSITORY = "model_repository"
PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")


def serve(repository: str, name: str) -> str:
    """Return the command that serves the repository.

    From an object store the model is pulled first.
    """
    if "://" not in repository:
        return command("task=serve", repository=repository)
    pull = ("task=versions", "task.action=pull", f"task.model={name}")
    pulled = command(*pull, f"task.to={DEFAULT_REPOSITORY}", repository=repository)
    return f"{pulled}\n  {command('task=serve', repository=DEFAULT_REPOSITORY)}"


def promote(repository: str, name: str, version: int) -> str:
    """Return the command that serves a version."""
    chosen = (f"task.model={name}", f"task.version={version}")
    return command("task=versions", "task.action=promote", *chosen, repository=repository)


def command(*overrides: str, repository: str) -> str:
    """Return a command that works on a repository, by a Python that has packager."""
    words = [_python(), "-m", "packager", *overrides]
    if repository != DEFAULT_REPOSITORY:
        words.append(f"repository.path={_quoted(repository)}")
    return shlex.join(words)


def _quoted(path: str) -> str:
    """Return a path as Hydra reads it: in quotes where it has more than plain letters."""
    if PLAIN.fullmatch(path) or re.fullmatch(r"[a-z0-9]+://[A-Za-z0-9_./-]*", path):
        return path
    return QuotedString(text=path, quote=Quote.single).with_quotes()


def _python() -> str:
    """Return `python` where that is the one that runs now, else its path."""
    here = Path.cwd()
    running = Path(sys.executable)
    found = shutil.which("python")
    if found is not None and Path(found).parent == running.parent:
        return "python"
    return str(running.relative_to(here) if running.is_relative_to(here) else running)
