"""From one job's configuration to what is asked of it as one of a sweep's."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.resolve.job import to_spec
from packager.spec.job import BuildTask
from packager.spec.sweeping import Promote, objectives
from packager.sweep import names
from packager.sweep.measured import measured
from packager.sweep.settings import BY

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from packager.spec.job import Job
    from packager.spec.sweeping import By


def sweep_job(config: DictConfig, overrides: list[str]) -> Job:
    """Return a sweep's job: under a name of its own, unless only the best is published.

    Raises:
        SpecError: as `to_spec`; or the job cannot be compared with others as the sweep asks.
    """
    promotes = config.sweep.promote is Promote.best
    suffix = "" if promotes else names.suffix(list(config.sweep.swept), overrides)
    job = measured(to_spec(config, name_suffix=suffix), compared_by(config))
    if isinstance(job.task, BuildTask):
        task = dataclasses.replace(job.task, publish=not promotes, brief=True)
        return dataclasses.replace(job, task=task)
    if promotes:
        raise only_builds()
    return job


def compared_by(config: DictConfig) -> tuple[By, ...]:
    """Return the figures that a sweep's jobs are compared by."""
    return objectives(config.sweep.by, where=BY)


def only_builds() -> SpecError:
    """Return the error of a sweep that is to publish its best, and does not build."""
    return SpecError(
        "is best, and only a build makes a model to publish",
        where="sweep.promote",
        remedy="leave it out, or leave out task",
    )
