"""Work done by threads a bounded way ahead of who needs its results."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

AHEAD = 2
"""Groups that are worked on, or wait finished, while one is used."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Item], Result], groups: Iterable[Sequence[Item]], *, workers: int
) -> Generator[list[Result], None, None]:
    """Yield each group's results, in the order given; threads work at most `AHEAD` groups ahead.

    Memory is bounded by the results of `AHEAD` + 1 groups. When the generator is closed, or an
    item fails, or the user interrupts, what is not begun is dropped and the threads end.

    Raises:
        Exception: what `work` raised for the first item that failed.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="packager-images")
    waiting: deque[list[Future[Result]]] = deque()
    try:
        for group in groups:
            waiting.append([pool.submit(work, item) for item in group])
            if len(waiting) > AHEAD:
                yield _results(waiting.popleft())
        while waiting:
            yield _results(waiting.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _results(futures: list[Future[Result]]) -> list[Result]:
    return [future.result() for future in futures]
