"""An event loop that SIGTERM ends as Ctrl-C does: tasks are cancelled, and clean up."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

Result = TypeVar("Result")


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what comes of it; a handler of SIGTERM is called when the loop has ended.

    A handler that raises would do so in the middle of the loop, and asyncio reports and forgets
    what is raised in a callback of a connection.
    """
    before = signal.getsignal(signal.SIGTERM)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)
    came: list[int] = []

    async def cancellable() -> Result:
        loop, whole = asyncio.get_running_loop(), asyncio.ensure_future(work)

        def terminate(number: int, _frame: object) -> None:
            came.append(number)
            loop.call_soon_threadsafe(whole.cancel)

        signal.signal(signal.SIGTERM, terminate)
        return await whole

    try:
        return asyncio.run(cancellable())
    finally:
        signal.signal(signal.SIGTERM, before)
        if came:
            before(signal.SIGTERM, None)
