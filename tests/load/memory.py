"""How much memory a server and its models' processes hold, sampled while they work."""

from __future__ import annotations

import os
import statistics
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Self

_PAGE = os.sysconf("SC_PAGE_SIZE")
_EVERY_S = 0.2


class Memory:
    """Samples the resident memory of every process whose command line has `identity`, in MB."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._samples: defaultdict[str, list[float]] = defaultdict(list)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def tenths_mb(self, process: str) -> list[float]:
        """The median of each tenth of the time; empty of a process that was not long enough."""
        samples = self._samples[process]
        tenth = len(samples) // 10
        if not tenth:
            return []
        return [statistics.median(samples[n * tenth : (n + 1) * tenth]) for n in range(10)]

    def most_mb(self, process: str) -> float:
        """The most that was seen."""
        return max(self._samples[process], default=0.0)

    def _sample(self) -> None:
        while not self._ended.wait(_EVERY_S):
            found: defaultdict[str, float] = defaultdict(float)
            for folder in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, ValueError, IndexError):
                    line = (folder / "cmdline").read_text()
                    if self._identity in line:
                        name = Path(line.split("\0")[0]).name
                        pages = int((folder / "statm").read_text().split()[1])
                        found[name] += pages * _PAGE / 1e6
            for name, megabytes in found.items():
                self._samples[name].append(megabytes)
