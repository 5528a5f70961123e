"""What to do: the chosen task and its own keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from packager import schema
from packager.errors import SpecError
from packager.model_config.rules.rule import Severity
from packager.resolve.asking import asking_task
from packager.resolve.paths import absolute
from packager.spec.job import (
    BuildTask,
    ImagesTask,
    PlanTask,
    Stage,
    TaskSpec,
    ValidateTask,
    VersionsTask,
)
from packager.spec.sweeping import LeaderboardTask, objectives

if TYPE_CHECKING:
    from collections.abc import Sequence


def task_spec(config: schema.TaskConfig) -> TaskSpec:
    """Return the chosen task.

    Raises:
        SpecError: a value is out of range.
    """
    match config:
        case schema.BuildTaskConfig() | schema.PlanTaskConfig():
            return _building(config)
        case schema.ServeTaskConfig() | schema.AskingTaskConfig():
            return asking_task(config)
        case schema.ImagesTaskConfig():
            return _images(config)
        case schema.ValidateTaskConfig():
            return _validate(config)
        case schema.VersionsTaskConfig():
            return _versions(config)
        case schema.LeaderboardTaskConfig():
            return _leaderboard(config)
        case _:
            raise TypeError(f"no task has {type(config).__name__}")


def _building(config: schema.BuildTaskConfig | schema.PlanTaskConfig) -> BuildTask | PlanTask:
    if isinstance(config, schema.PlanTaskConfig):
        return PlanTask(format=config.format)
    return BuildTask(force=_forced(config.force))


def _images(config: schema.ImagesTaskConfig) -> ImagesTask:
    return ImagesTask(
        to=absolute(config.to),
        layout=config.layout,
        format=config.format,
        split=config.split,
        limit=config.limit,
        workers=config.workers,
    )


def _validate(config: schema.ValidateTaskConfig) -> ValidateTask:
    gpus, backends = config.host_gpus, config.backends
    return ValidateTask(
        path=None if config.path is None else Path(config.path).expanduser(),
        format=config.format.value,
        select=tuple(config.select),
        ignore=tuple(config.ignore),
        errors_only=config.severity is Severity.error,
        auto_complete=config.auto_complete,
        host_gpus=None if gpus is None else frozenset(gpus),
        backends=None if backends is None else frozenset(backends),
    )


def _versions(config: schema.VersionsTaskConfig) -> VersionsTask:
    return VersionsTask(
        action=config.action,
        model=config.model,
        version=config.version,
        keep=config.keep,
        force=config.force,
        to=absolute(config.to),
        public_key=absolute(config.public_key),
        format=config.format,
    )


def _leaderboard(config: schema.LeaderboardTaskConfig) -> LeaderboardTask:
    sweep = absolute(config.sweep)
    if sweep is None:
        raise SpecError(
            "is not given",
            where="task.sweep",
            remedy="name the directory of a sweep: task.sweep=multirun/DATE/TIME",
        )
    by = objectives(config.by, where="task.by")
    return LeaderboardTask(sweep=sweep, by=by, format=config.format)


def _forced(names: Sequence[str]) -> frozenset[Stage]:
    """Return the stages to do anew.

    Raises:
        SpecError: there is no such stage.
    """
    known = {stage.value: frozenset({stage}) for stage in Stage} | {"all": frozenset(Stage)}
    for name in names:
        if name not in known:
            raise SpecError(
                f"there is no stage '{name}'",
                where="task.force",
                remedy=f"choose of {', '.join(known)}: task.force=[train]",
            )
    return frozenset().union(*(known[name] for name in names))
