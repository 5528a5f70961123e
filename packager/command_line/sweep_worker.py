"""A process that a launcher gives one job of a sweep, beside others on the same host."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from packager import console, openmp, parent_death
from packager.errors import EXIT_INTERRUPTED, UnavailableError
from packager.sweep import launchers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from hydra.conf import HydraConf

    from packager.spec.job import Job

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def working(hydra: HydraConf, *, trainings: int | None) -> Iterator[None]:
    """Make the process ready for a job, and end it after one that was interrupted.

    Nothing of it in the command's own process, which is ready and ends by itself.
    """
    if launchers.is_the_commands_own(hydra.launcher):
        yield
        return
    # Before torch is imported. What the job starts, like a server, takes its part from it too.
    os.environ["OMP_NUM_THREADS"] = str(_threads(hydra, trainings))
    openmp.spin_briefly(os.environ)
    console.log()
    console.name_lines(f"[{hydra.job.num}] ")
    if launchers.is_rays(hydra.launcher):  # which ends its processes itself
        yield
        return
    parent_death.signals(signal.SIGTERM)
    _on_signals(_interrupt)
    try:
        yield
    except KeyboardInterrupt:
        _leave()  # a worker would ask for the next job
    finally:
        _on_signals(_leave)  # nothing to unwind: a worker waits for the next job


def _on_signals(handler: Callable[..., None]) -> None:
    for number in SIGNALS:
        signal.signal(number, handler)


def _leave(*_: object) -> None:
    os._exit(EXIT_INTERRUPTED)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Unwind, so that servers and temporary files go; undisturbed by a second signal.

    The second may have come already: Python complains of it where nobody handles it any more.
    """
    _on_signals(lambda *_: None)
    raise KeyboardInterrupt


def enter(hydra: HydraConf) -> None:
    """Go where the command was given: a cluster's processes start elsewhere.

    Raises:
        UnavailableError: this host has no such directory.
    """
    place = Path(hydra.runtime.cwd)
    if Path.cwd() == place:
        return
    try:
        os.chdir(place)
    except OSError as error:
        raise UnavailableError(
            f"cannot be entered on {os.uname().nodename}: {error.strerror}",
            where=str(place),
            remedy="start the sweep in a directory that all hosts share",
        ) from error


def divided(job: Job, hydra: HydraConf, *, trainings: int | None) -> Job:
    """Return the job with its part of the host's threads, where its recipe names no number.

    Said in the recipe and not only to torch: results of other numbers of threads are others.
    """
    recipe, threads = job.recipe, _threads(hydra, trainings)
    if recipe is None or recipe.trainer.threads is not None or threads == _cores():
        return job
    trainer = dataclasses.replace(recipe.trainer, threads=threads)
    return dataclasses.replace(job, recipe=dataclasses.replace(recipe, trainer=trainer))


def _threads(hydra: HydraConf, trainings: int | None) -> int:
    return launchers.threads_each(
        hydra.launcher, hydra.sweeper, trainings=trainings, cores=_cores()
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0))
