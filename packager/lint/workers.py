"""Models judged one by one, or where there are many by several processes.

Nearly all the time goes into protobuf's text parser, which is pure Python.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from itertools import repeat
from typing import TYPE_CHECKING

from packager.errors import UnavailableError
from packager.lint import model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.lint.model import JudgedModel
    from packager.model_config.rules.facts import Host

WORTH_PROCESSES = 400
"""Models below which starting processes takes longer than they save."""
_CHUNK = 100


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each_model(root: str, names: Sequence[str], *, host: Host, jobs: int) -> list[JudgedModel]:
    """Judge the models of `root`, in the order of `names`.

    Raises:
        UnavailableError: the machine ended one of the processes.
    """
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    if jobs <= 1 or len(names) < WORTH_PROCESSES:
        return [one for chunk in chunks for one in _judge(root, chunk, host)]
    from concurrent.futures import process  # noqa: PLC0415  few repositories need it
    from multiprocessing import get_context  # noqa: PLC0415

    # Forked processes have everything imported; a fork of several threads may hang.
    alone = threading.active_count() == 1
    context = get_context("fork" if sys.platform == "linux" and alone else "spawn")
    with process.ProcessPoolExecutor(jobs, context, initializer=_ignore_interrupts) as pool:
        try:
            with _interrupts_held():
                judged = pool.map(_judge, repeat(root), chunks, repeat(host))
            found = list(judged)
        except process.BrokenProcessPool as error:
            raise UnavailableError(
                "one of its processes was ended",
                where="packager-lint",
                remedy="check the machine's memory, or run it with --jobs 1",
            ) from error
        except BaseException:
            with _interrupts_held():  # the processes end after what they are at: none stays
                pool.shutdown(cancel_futures=True)
            raise
    return [one for chunk in found for one in chunk]


def _judge(root: str, names: Sequence[str], host: Host) -> list[JudgedModel]:
    return [model.judge(os.path.join(root, name), name, host) for name in names]  # noqa: PTH118


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while processes start: a pool that has started half would be waited for."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the main process: it ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
