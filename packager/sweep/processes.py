"""Processes that launchers start on this host: they end with the sweep, cleaning up before.

joblib kills its workers with all that they started: a server would leave its shared memory. And a
local job of submitit outlives whoever submitted it.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.sweep import ray_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

JOBLIB, SUBMITIT = b"joblib.externals.loky.backend.popen_loky_posix", b"submitit.local._local"
"""What the command lines of their workers hold."""

GRACE_S = 20.0
"""How long jobs may take to clean up; a server that stops takes seconds."""

POLL_S = 0.05
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  where Linux keeps it
IDENTITY = re.compile(r"packager-[0-9a-f]{32}")
"""What the regions and the processes of one embedded server are named by."""


@contextlib.contextmanager
def ended_first() -> Iterator[None]:
    """On Ctrl-C or SIGTERM let jobs in processes of their own end, before anything else does.

    A second signal does not wait for them. Where a launcher gives up, jobs that run are let finish.
    """
    before: dict[int, Any] = {
        number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)
    }
    came: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        _restore(before)
        _end()
        if ray_engine.is_connected():
            came.append(number)
            raise KeyboardInterrupt  # also of SIGTERM: Ray lets nothing else through
        before[number](number, frame)

    for number in before:
        signal.signal(number, end)
    started = time.time()
    try:
        yield
    except BaseException as error:
        if came or not isinstance(error, Exception):
            ray_engine.end()
            _unlink_semaphores()
        else:
            _wait(SUBMITIT)
        _remove_orphans(started)
        for number in came:
            before[number](number, None)
        raise
    finally:
        _restore(before)
        ray_engine.end()


def _restore(handlers: dict[int, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _end() -> None:
    for pid in _children(JOBLIB, SUBMITIT):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    _wait(JOBLIB, SUBMITIT, within_s=GRACE_S)


def _wait(*marks: bytes, within_s: float = float("inf")) -> None:
    deadline = time.monotonic() + within_s
    while _children(*marks) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _unlink_semaphores() -> None:
    """Do for joblib's what Python would at exit; else its tracker complains of what is left."""
    if "joblib" in sys.modules:
        util: Any = importlib.import_module("multiprocessing.util")
        util._run_finalizers(0)  # noqa: SLF001


def _remove_orphans(since: float) -> None:
    """Remove shared memory of servers that were killed together with their guards."""
    regions = [one for one in SHARED_MEMORY.glob("packager-*") if _made(one) >= since]
    if regions:
        time.sleep(POLL_S)  # a guard that is at it needs no help
        alive = b" ".join(_read(one) for one in Path("/proc").glob("[0-9]*/cmdline"))
        for region in regions:
            server = IDENTITY.match(region.name)
            if server and server[0].encode() not in alive:
                region.unlink(missing_ok=True)


def _made(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _read(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    return b""


def _children(*marks: bytes) -> list[int]:
    """Return our children, by number, that run and whose command lines hold one of the marks."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                command = (process / "cmdline").read_bytes()
                if any(mark in command for mark in marks):
                    found.append(int(process.name))
    return found
