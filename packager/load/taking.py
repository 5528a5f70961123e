"""Items that a thread makes while requests are under way: the event loop does not wait for it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item = TypeVar("Item")

TAKEN_FOR_S = 0.005
"""How long a thread makes items before it hands them over: one change of threads for many."""


class Taking(Generic[Item]):
    """Gives the items of an iterator, each with its encoding, to whoever asks next.

    Only what is asked for is made: with one client nothing is made while its request is under way.
    """

    def __init__(self, items: Iterator[Item], encode: Callable[[Item], Any]) -> None:
        self._items = items
        self._encode = encode
        self._ready: deque[tuple[Item, Any]] = deque()
        self._lock = asyncio.Lock()

    async def next(self) -> tuple[Item, Any] | None:
        """Return an item and its encoding; None when there is none left."""
        async with self._lock:
            if not self._ready:
                self._ready.extend(await asyncio.to_thread(self._some))
            return self._ready.popleft() if self._ready else None

    def _some(self) -> list[tuple[Item, Any]]:
        taken: list[tuple[Item, Any]] = []
        until = time.perf_counter() + TAKEN_FOR_S
        for item in self._items:
            taken.append((item, self._encode(item)))
            if time.perf_counter() > until:
                break
        return taken
