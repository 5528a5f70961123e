"""A sweep's directory: one sweep at a time, and going on with the sweep that was started in it."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any

import yaml

from packager.errors import SpecError, UnavailableError
from packager.repository.destination import destination_of
from packager.repository.manifest import canonical
from packager.spec.job import BuildTask, Job
from packager.spec.plain import plain
from packager.spec.sweeping import By
from packager.sweep import results
from packager.sweep.settings import SWEEP_DIR, is_setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from packager.sweep.results import Result
    from packager.sweep.settings import Settings

LOCK, HYDRAS = "sweep.lock", "multirun.yaml"


@contextlib.contextmanager
def claimed(asked: Settings) -> Iterator[None]:
    """Have a sweep's directory for oneself; one that stays empty is removed at the end.

    Raises:
        SpecError: a new sweep is to begin where another left results.
        UnavailableError: another sweep is running in it.
    """
    from packager.cache.locks import FAILURES  # noqa: PLC0415  only sweeps need locks here
    from packager.repository.locks import tried  # noqa: PLC0415

    directory = asked.directory
    where = "sweep.resume" if asked.resumes else SWEEP_DIR
    made = [one for one in (directory, *directory.parents) if not one.exists()]
    with contextlib.ExitStack() as stack:
        directory.mkdir(parents=True, exist_ok=True)
        stack.callback(_remove_empty, made)
        is_mine = True
        with contextlib.suppress(*FAILURES):  # a filesystem without locks
            is_mine = stack.enter_context(tried(directory / LOCK))
        if not is_mine:
            raise UnavailableError(
                f"another sweep is running in {directory}",
                where=where,
                remedy="wait for its end, or choose another directory",
            )
        if not asked.resumes and results.read_all(directory):
            raise SpecError(
                f"{directory} holds the results of another sweep",
                where=where,
                remedy=f"go on with it by sweep.resume={directory}, or choose another directory",
            )
        yield


def require_same(directory: Path, overrides: Sequence[str]) -> None:
    """Check that a sweep was started in a directory with the same overrides for its jobs.

    Raises:
        SpecError: it was not; says what differs.
    """
    before, now = _started_with(directory), [one for one in overrides if _is_of_jobs(one)]
    if before == now:
        return
    lacking = [one for one in before if one not in now]
    added = [one for one in now if one not in before]
    told = [
        *([f"it was started with {' '.join(lacking)}"] if lacking else []),
        *([f"{' '.join(added)} is new"] if added else []),
    ]
    raise SpecError(
        f"{directory} is of another sweep: "
        + (", and ".join(told) or "the overrides come in another order, and so would the jobs"),
        where="sweep.resume",
        remedy=f"give the same overrides again: {' '.join(before)}",
    )


def require_same_job(directory: Path, before: Result, overrides: Sequence[str]) -> None:
    """Check that a job's directory was this job's.

    Raises:
        SpecError: it was another's, which would be written over.
    """
    if list(before.overrides) != list(overrides):
        raise SpecError(
            f"job {directory.name} was {' '.join(before.overrides)}, and is {' '.join(overrides)}"
            " now",
            where="sweep.resume",
            remedy="start a new sweep: its jobs are not those of the one in this directory",
        )


def digest(job: Job) -> str:
    """Return the digest of what a job's model is to be, but for its name.

    Nor for its threads, which another launcher divides otherwise.
    """
    recipe = plain(job.recipe)
    if recipe is not None:
        recipe |= {"name": "", "trainer": {**recipe["trainer"], "threads": None}}
    return hashlib.sha256(canonical(recipe).encode()).hexdigest()


def stands(before: Result, job: Job) -> bool:
    """Say whether a job's result is still what the job would give.

    It is not where its recipe has changed since, where its model is not published any more, or was
    not measured as is asked now. What is built without publishing needs no version.
    """
    if before.status != results.DONE or before.asked != digest(job):
        return False
    if job.measures and By.p99_ms.value not in before.metrics:
        return False
    if not isinstance(job.task, BuildTask) or not job.task.publish:
        return True
    name = job.require_recipe().name
    return before.name == name and before.version in destination_of(
        job.repository
    ).files().versions(name)


def _started_with(directory: Path) -> list[str]:
    """Return the overrides of the sweep that was started in a directory, as Hydra wrote them."""
    try:
        content: Any = yaml.safe_load((directory / HYDRAS).read_text())
        given = content["hydra"]["overrides"]["task"]
        return [one for one in given if _is_of_jobs(one)]
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise SpecError(
            f"no sweep was started in {directory}: it has no {HYDRAS} that tells its overrides",
            where="sweep.resume",
            remedy="name the directory that the sweep told: multirun/DATE/TIME",
        ) from error


def _is_of_jobs(override: str) -> bool:
    return not is_setting(override) and not override.lstrip("+~").startswith("hydra")


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, innermost first, as far as nothing is in them."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()
