"""A process that hears of its parent's death, however that comes.

`packager/server/guard.py` imports nothing of packager, and so has its own.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that a process gets when the thread that started it ends."""


def signals(number: signal.Signals) -> None:
    """Let this process get a signal when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
