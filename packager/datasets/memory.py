"""How much memory there is for images."""

from __future__ import annotations

import os
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


def available_bytes() -> int:
    """Return the bytes that can be used without swapping, in this container if there is one.

    Where the system does not say what is available, half of what it has.

    Source: proc_meminfo(5), MemAvailable; the kernel's cgroup-v2, memory.max.
    """
    machine = _machine_bytes()
    limit, used = _number(CGROUP / "memory.max"), _number(CGROUP / "memory.current")
    if limit is None or used is None:
        return machine
    return min(machine, max(0, limit - used))


def _machine_bytes() -> int:
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # no such group, or `max`
        return None
