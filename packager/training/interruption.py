"""Ctrl-C and SIGTERM held back to the next step, so that a checkpoint can be written first."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Notes the first signal; `deliver` acts on it. A second one acts at once.

    Outside the main thread, where Python handles no signals, it does nothing.
    """

    def __init__(self) -> None:
        self.requested: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def deliver(self) -> None:
        """Let the signal that was noted do what it did before."""
        self._restore()
        if self.requested is not None:
            signal.raise_signal(self.requested)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.requested is None:
            self.requested = number
        else:
            self.deliver()

    def _restore(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
