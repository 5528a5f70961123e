"""How busy this host's processors are."""

from __future__ import annotations

from pathlib import Path

_IDLE = (3, 4)
"""The columns of /proc/stat in which nothing is done: idle, and waiting for disks."""


class Processors:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._before = _times()

    def busy(self) -> float:
        """Return how much of all processors was busy since then, in [0, 1]."""
        passed = [now - then for now, then in zip(_times(), self._before, strict=True)]
        return 1 - sum(passed[one] for one in _IDLE) / max(1, sum(passed))


def _times() -> list[int]:
    """Return the ticks spent in each state; guests' are in others already."""
    first, _, _ = Path("/proc/stat").read_text().partition("\n")
    return [int(one) for one in first.split()[1:9]]
