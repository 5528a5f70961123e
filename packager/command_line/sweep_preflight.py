"""Every job of a sweep composed and checked before the first one starts."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict, read_write

from packager import console
from packager.command_line import errors_told, hydra_application
from packager.command_line.sweep_job import sweep_job
from packager.errors import SpecError
from packager.resolve.job import refused_parts
from packager.spec.job import BuildTask, PlanTask
from packager.spec.serving import InstanceKind
from packager.sweep import problems
from packager.sweep.problems import Problem, Target
from packager.tasks import preflight

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from packager.errors import PackagerError
    from packager.spec.job import Job

    Compose = Callable[[list[str]], DictConfig]
    """From a job's overrides to its configuration, Hydra's own node included."""


def run(jobs: Sequence[Sequence[str]], compose: Compose, *, here: bool, job: str = "job") -> None:
    """Check all jobs; `here` says that they will run on this machine, `job` what one is called.

    Raises:
        PackagerError: some could not run. It tells all problems, and is a `SpecError` unless all
            are of one other kind.
    """
    if not jobs:
        raise SpecError(
            "there is no job",
            where="sweep",
            remedy="a pattern finds nothing: name what it is to find",
        )
    with console.stage("preflight") as findings:
        builds, found = _checked(jobs, compose, job)
        found += problems.collisions(_targets(builds))
        if here and not found:
            found += _lacking(builds)
        if found:
            raise problems.together(found, jobs=len(jobs), job=job)
        findings.append(f"{len(jobs):,} {job}{'s' if len(jobs) > 1 else ''}")


def _checked(
    jobs: Sequence[Sequence[str]], compose: Compose, job: str
) -> tuple[dict[str, Job], list[Problem]]:
    """Return the jobs that publish, and what is wrong with each job by itself."""
    builds: dict[str, Job] = {}
    found: list[Problem] = []
    with console.counting("jobs checked") as count:
        for number, label in enumerate(problems.labels(jobs, job)):
            match _composed(number, list(jobs[number]), compose):
                case list() as errors:
                    found += [Problem(job=label, error=error) for error in errors]
                case made if isinstance(made.task, BuildTask):
                    builds[label] = made
            count(number + 1, len(jobs))
    return builds, found


def _composed(number: int, overrides: list[str], compose: Compose) -> Job | list[PackagerError]:
    """Return a job that can run, or why it cannot."""
    try:
        config = compose(overrides)
    except Exception as error:  # noqa: BLE001  whatever it is, the other jobs are checked too
        return [hydra_application.explained(error)]
    given = list(config.hydra.overrides.task)
    with _alone(number, config) as own:
        try:
            job = sweep_job(own, given)
            if isinstance(job.task, BuildTask | PlanTask):
                preflight.require_sound(job.require_recipe())
        except Exception as error:  # noqa: BLE001  likewise
            first = errors_told.told(error)
            others = refused_parts(own) if isinstance(first, SpecError) else ()
            return [first, *(other for other in others if str(other) != str(first))]
    return job


@contextlib.contextmanager
def _alone(number: int, config: DictConfig) -> Iterator[DictConfig]:
    """Give a job's configuration without Hydra's node, which its values may refer to meanwhile."""
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.job.id = config.hydra.job.num = number
        folder = Path(config.hydra.sweep.dir, str(config.hydra.sweep.subdir))
        config.hydra.runtime.output_dir = str(folder.absolute())
    application = HydraConfig.instance()
    outer = application.cfg
    application.set_config(config)
    try:
        own = copy.deepcopy(config)
        with read_write(own), open_dict(own):
            del own["hydra"]
        yield own
    finally:
        application.cfg = outer


def _targets(builds: dict[str, Job]) -> Iterator[Target]:
    for label, job in builds.items():
        if not job.publishes:
            continue
        name = job.require_recipe().name
        yield Target(job=label, name=name, repository=job.repository.name)


def _lacking(builds: dict[str, Job]) -> Iterator[Problem]:
    """Yield what this machine lacks, asked once for all jobs that need the same."""
    asked: dict[Hashable, tuple[str, Job]] = {}
    for label, job in builds.items():
        on_gpu = job.require_recipe().serving.instance_group.kind is InstanceKind.KIND_GPU
        asked.setdefault((job.server, job.release, job.repository, on_gpu), (label, job))
    for label, job in asked.values():
        try:
            preflight.require_environment(job)
        except Exception as error:  # noqa: BLE001  whatever it is, the others are asked too
            yield Problem(job=label, error=errors_told.told(error))
