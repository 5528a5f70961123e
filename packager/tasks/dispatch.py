"""From a job to the task that it asks for."""

from __future__ import annotations

import contextlib
import gc
import importlib
import signal
from types import MappingProxyType
from typing import TYPE_CHECKING

from packager.spec.asking import EvaluateTask, PredictTask, ProfileTask, ServeTask
from packager.spec.job import (
    BuildTask,
    ImagesTask,
    Job,
    PlanTask,
    TaskSpec,
    ValidateTask,
    VersionsTask,
)
from packager.spec.sweeping import LeaderboardTask
from packager.training import ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packager.tasks.summary import Summary


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM while torch is imported: its C++ parts abort on exceptions.

    Nothing of it is garbage, and looking for some takes a fifth of the time.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


TASKS: Mapping[type[TaskSpec], str] = MappingProxyType(
    {
        PlanTask: "plan",
        ServeTask: "serve",
        EvaluateTask: "evaluate",
        PredictTask: "predict",
        ProfileTask: "profile",
        ImagesTask: "images",
        ValidateTask: "validate",
        VersionsTask: "versions",
        LeaderboardTask: "leaderboard",
    }
)
"""Each task's module in `packager.tasks`, but for the build."""


def run_task(job: Job) -> Summary | None:
    """Run the job's task; builds, evaluations and profiles return what they found.

    Tasks are imported when they run: most need torch, which takes seconds to import.
    """
    if isinstance(job.task, BuildTask):
        return _build(job)
    with _importing():
        task = importlib.import_module(f"packager.tasks.{TASKS[type(job.task)]}")
    summary: Summary | None = task.run(job, job.task)
    return summary


def _build(job: Job) -> Summary | None:
    from packager.tasks import unchanged  # noqa: PLC0415

    summary = unchanged.unchanged(job)
    if summary is not None:
        unchanged.tell(job, summary)
        return summary
    if ranks.is_main():
        from packager.tasks import preflight  # noqa: PLC0415

        preflight.run(job)
    with _importing():
        from packager.tasks import build  # noqa: PLC0415

    return build.run(job)
