"""Who publishes: a process, and whether it is known to have ended."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PROCESSES = Path("/proc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """A process; `system` tells one start of one host, or container, from all others.

    `started` tells it from a later process of the same number.
    """

    host: str
    system: str
    pid: int
    started: str

    def to_json(self) -> dict[str, object]:
        """Return it as an object's content."""
        return asdict(self)

    @property
    def is_known_dead(self) -> bool:
        """Whether it was a process here, and there is none any more."""
        return bool(self.system) and self.system == _system() and _started(self.pid) != self.started


def current() -> Owner:
    """Return this process."""
    pid = os.getpid()
    return Owner(host=platform.node(), system=_system(), pid=pid, started=_started(pid))


def from_json(content: dict[str, Any]) -> Owner:
    """Return the owner that an object tells of; an unknown one where it cannot be read."""
    pid = content.get("pid")
    return Owner(
        host=str(content.get("host", "")),
        system=str(content.get("system", "")),
        pid=pid if isinstance(pid, int) else 0,
        started=str(content.get("started", "")),
    )


def _system() -> str:
    """Return the kernel's start and our namespace of process numbers; empty where not known."""
    try:
        boot = (_PROCESSES / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROCESSES / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Return a process's start in the kernel's ticks; empty for one that is no more."""
    try:
        text = (_PROCESSES / str(pid) / "stat").read_text()
    except OSError:
        return ""
    state, *rest = text.rpartition(")")[2].split()
    return "" if state in {"Z", "X"} else rest[18]
