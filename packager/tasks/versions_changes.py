"""`task=versions` as far as it writes: another version is served, or old ones go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import ProofError, SpecError
from packager.repository import changes, control, integrity
from packager.repository.destination import destination_of
from packager.repository.prune import removable
from packager.repository.state import read
from packager.tasks.selection import chosen_files
from packager.tasks.versions_selection import chosen_model
from packager.versions_console import Pruned, Served

if TYPE_CHECKING:
    from packager.repository.files import Files
    from packager.repository.state import ModelState
    from packager.spec.job import Job, VersionsTask


def promote(job: Job, task: VersionsTask) -> Served:
    """Serve the version that the task names, as it was published.

    Raises:
        SpecError: no version is named, or there is no such one.
        ProofError: its files are not as they were published.
    """
    files, state = _prepared(job, task)
    if task.version is None:
        raise SpecError(
            "is not given: the version to serve",
            where="task.version",
            remedy=f"choose of {', '.join(map(str, state.versions)) or 'none: build one first'}",
        )
    return _serve(job, files, state, version=task.version)


def roll_back(job: Job, task: VersionsTask) -> Served:
    """Serve an older version, the next lower one unless the task names it.

    Raises:
        SpecError: there is no lower version.
        ProofError: its files are not as they were published.
    """
    files, state = _prepared(job, task)
    serving = min(state.served, default=None)
    lower = [one for one in state.versions if serving is not None and one < serving]
    if serving is None or not lower:
        raise SpecError(
            f"no version of {state.name} is lower than {serving}, which is served"
            if serving
            else f"no version of {state.name} is served",
            where="task.action",
            remedy=f"choose of {', '.join(map(str, state.versions))} with task.action=promote"
            if state.versions
            else "build one first",
        )
    if task.version is not None and task.version >= serving:
        raise SpecError(
            f"is {task.version}, and version {serving} is served: that is no way back",
            where="task.version",
            remedy=f"choose of {', '.join(map(str, lower))}, or task.action=promote",
        )
    return _serve(job, files, state, version=task.version or lower[-1])


def prune(job: Job, task: VersionsTask) -> Pruned:
    """Remove old versions.

    Raises:
        SpecError: it is not said how many stay.
        UnavailableError: the repository cannot be written.
    """
    files, state = _prepared(job, task)
    numbers = removable(state, keep=task.keep, force=task.force)
    size_bytes = control.size_bytes(job.repository, state.name, numbers)
    if numbers:
        control.remove(job.repository, state, numbers)
    after = read(files, state.name)
    old = state.versions[: -(task.keep or 0)]
    return Pruned(
        model=state.name,
        removed=numbers,
        freed_bytes=size_bytes,
        left=after.versions,
        spared=tuple(one for one in old if one not in numbers),
        before=state.served,
        now=after.served,
    )


def _prepared(job: Job, task: VersionsTask) -> tuple[Files, ModelState]:
    """Return a model's state, after what killed writers left of it is finished or undone."""
    files = chosen_files(job)
    name = chosen_model(job, task, files)
    destination_of(job.repository).prepare()
    return files, read(files, name)


def _serve(job: Job, files: Files, state: ModelState, *, version: int) -> Served:
    record = control.require_record(state, version)
    _require_intact(files, state, version)
    before = changes.published(files, state)
    after = changes.interface(record.config, record.labels)
    control.serve(job.repository, state, version)
    return Served(
        model=state.name,
        before=state.served,
        now=read(files, state.name).served,
        differences=tuple(changes.breaking(before, after)) if before and after else (),
    )


def _require_intact(files: Files, state: ModelState, version: int) -> None:
    found = integrity.version_findings(files, state, version)
    if found:
        raise ProofError(
            f"version {version} of {state.name} is not as it was published: "
            + "; ".join(map(str, found)),
            where="task.version",
            remedy="restore its files from where they came, or serve another version",
        )
