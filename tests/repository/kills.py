"""Killing a process at one of its own system calls, by strace, and saying at which step."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packager.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

CALLS = "rename,fsync,unlink,unlinkat,mkdir,rmdir,chmod,write,flock"
"""All by which publishing changes a filesystem, but opening, and its locks."""

_REPOSITORY = Path(__file__).parents[2]
_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<arguments>.*)")
_PATH = re.compile(r'"(/[^"]*)"|<(/[^>]*)>')
_UNLINKED = re.compile(r'^AT_FDCWD|^\d+<(?P<folder>[^>]*)>, "(?P<name>[^"]*)"')


@dataclass(frozen=True, slots=True)
class Step:
    """The `nth` system call of its name, and what publishing does by it."""

    call: str
    nth: int
    label: str


def require_strace() -> None:
    """Check that strace is there.

    Raises:
        UnavailableError: it is not.
    """
    if shutil.which("strace") is None:
        raise UnavailableError(
            "strace is not installed: processes are killed at their system calls by it",
            where="strace",
            remedy="apt-get install strace",
        )


def steps(arguments: Sequence[str]) -> list[Step]:
    """Run a publisher to its end; return all its steps in order."""
    status, found = _traced(arguments)
    if status != 0:
        raise RuntimeError(f"the publisher ended with {status}")
    return found


def killed(arguments: Sequence[str], step: Step) -> Step | None:
    """Run a publisher and kill it as it begins a call; return where it was, None if it was not."""
    inject = f"--inject={step.call}:signal=KILL:when={step.nth}"
    status, found = _traced(arguments, inject)
    return found[-1] if status == -9 else None


def publish(arguments: Sequence[str]) -> int:
    """Run a publisher to its end, undisturbed; return the version."""
    run = subprocess.run(
        _command(arguments), cwd=_REPOSITORY, check=True, capture_output=True, text=True
    )
    return int(run.stdout)


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-B", "-m", "tests.repository.publisher", *arguments]


def _traced(arguments: Sequence[str], *options: str) -> tuple[int, list[Step]]:
    require_strace()
    with tempfile.NamedTemporaryFile(mode="r", prefix="strace-") as log:
        run = subprocess.run(
            [
                *("strace", "-f", "-y", "-s", "300", "-o", log.name),
                *(f"--trace={CALLS}", *options),
                *_command(arguments),
            ],
            cwd=_REPOSITORY,
            check=False,
            stdout=subprocess.DEVNULL,
        )
        return run.returncode, _read(log.read(), Path(arguments[0]))


def _read(log: str, root: Path) -> list[Step]:
    found: list[Step] = []
    counts: Counter[str] = Counter()
    last_change = ""
    for line in log.splitlines():
        called = _CALL.match(line)
        if called is None:
            continue
        call = called["name"]
        counts[call] += 1
        label = _label(call, _places(called["arguments"], root))
        if call == "fsync" and label.startswith("sync model"):
            label = f"{label} after: {last_change}"
        elif call in ("rename", "unlink", "mkdir", "rmdir"):
            last_change = label
        found.append(Step(call, counts[call], label))
    return found


def _places(arguments: str, root: Path) -> list[str]:
    """Return what the paths in a call's arguments are to publishing, without names and numbers."""
    relative = _UNLINKED.match(arguments)
    if relative and relative["folder"]:
        arguments = f'"{relative["folder"]}/{relative["name"]}"'
    return [_place(one or other, root) for one, other in _PATH.findall(arguments)]


def _place(path: str, root: Path) -> str:
    path = path.removesuffix(" (deleted)")
    if not path.startswith(str(root)):
        return "elsewhere"
    path = path.replace(f"{root}/.models.staging", "staging")
    path = re.sub(rf"^{re.escape(str(root))}/models/[^/]+", "model", path)
    path = path.replace(f"{root}/models", "repository")
    path = re.sub(r"^staging/[^/]+-[0-9a-f]{8}\.journal", "journal", path)
    path = re.sub(r"^staging/[^/]+-[0-9a-f]{8}\.owner", "staged.owner", path)
    # A file without a name, on which filelock tries whether the filesystem has locks.
    path = re.sub(r"/#\d+$", "/unnamed", path)
    path = re.sub(r"^staging/[^/]+-[0-9a-f]{8}(/[^/]+)?", r"staged", path)
    path = re.sub(r"input\d+-[0-9a-f]{8}", "sample", re.sub(r"/\d+(?=/|$)", "/N", path))
    return re.sub(r"labels-[0-9a-f]{8}", "labels-copy", path)


def _label(call: str, places: list[str]) -> str:
    """Return what a call does, the same for all files of one kind that nobody sees."""
    place = places[0] if places else ""
    verb = "sync" if call == "fsync" else call.removesuffix("at")
    for hidden in ("journal", "staged"):
        if place.startswith(hidden) and len(places) == 1:
            return f"{verb} {'lock' if '.owner' in place else f'in {hidden}'}"
    if place.endswith(".lock"):
        return f"{verb} lock"
    return f"{verb} {' -> '.join(places)}"
