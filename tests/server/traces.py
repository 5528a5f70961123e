"""What a server leaves on the host: its processes, shared memory and temporary files."""

from __future__ import annotations

import time
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps shared memory


def processes(identity: str) -> list[str]:
    """Command lines that name the server: its guard, itself and its stubs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_text()
        except OSError:  # it ended meanwhile
            continue
        if identity in line:
            found.append(line.replace("\0", " "))
    return found


def shared_memory(identity: str) -> list[str]:
    """Regions of the server's stubs."""
    return [path.name for path in _SHARED_MEMORY.glob(f"{identity}*")]


def assert_gone(identity: str, *, within_s: float) -> None:
    """Fail unless processes and shared memory are gone in time."""
    deadline = time.monotonic() + within_s
    while processes(identity) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes(identity) == []
    assert shared_memory(identity) == []
