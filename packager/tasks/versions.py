"""`task=versions`: list, promote, roll back, prune, verify and pull what is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager import versions_console
from packager.errors import SpecError
from packager.repository import control
from packager.repository.layout import SIGNATURE_FILE
from packager.repository.state import read
from packager.spec.job import VersionsAction, VersionsFormat
from packager.spec.recipe import RepositorySpec
from packager.tasks.selection import chosen_files
from packager.tasks.versions_changes import promote, prune, roll_back
from packager.tasks.versions_selection import chosen_model, chosen_models, title
from packager.tasks.versions_verification import verify
from packager.versions_console import Listed

if TYPE_CHECKING:
    from packager.spec.job import Job, VersionsTask


def run(job: Job, task: VersionsTask) -> None:
    """Do the task's action and print what became of it.

    Raises:
        SpecError: there is no such model or version, or the action lacks a setting.
        ProofError: a version is not to be served whose files are not as they were published.
        FindingsError: verifying found something.
        UnavailableError: there is no repository, or it cannot be written.
    """
    is_json = task.format is VersionsFormat.json
    match task.action:
        case VersionsAction.list:
            versions_console.print_list(_listed(job, task), title=title(job), is_json=is_json)
        case VersionsAction.verify:
            verify(job, task, is_json=is_json)
        case VersionsAction.promote:
            versions_console.print_served(promote(job, task), is_json=is_json)
        case VersionsAction.rollback:
            versions_console.print_served(roll_back(job, task), is_json=is_json)
        case VersionsAction.prune:
            versions_console.print_pruned(prune(job, task), is_json=is_json)
        case VersionsAction.pull:
            _pull(job, task, is_json=is_json)


def _listed(job: Job, task: VersionsTask) -> list[Listed]:
    files = chosen_files(job)
    return [
        Listed(
            state=state,
            signed=frozenset(
                number
                for number in state.versions
                if files.read(f"{state.name}/{number}/{SIGNATURE_FILE}") is not None
            ),
            is_being_changed=control.is_being_changed(job.repository, state.name),
        )
        for state in (read(files, name) for name in chosen_models(job, task, files))
    ]


def _pull(job: Job, task: VersionsTask, *, is_json: bool) -> None:
    """Bring a model from an object store into a directory."""
    if isinstance(job.repository, RepositorySpec):
        raise SpecError(
            f"{title(job)} is a directory: there is nothing to pull from it",
            where="repository.path",
            remedy="name an object store, for example repository.path=s3://bucket/prefix",
        )
    if task.to is None:
        raise SpecError(
            "is not given: the directory to write to",
            where="task.to",
            remedy="set it, for example task.to=model_repository",
        )
    # It needs libraries of its own.
    from packager.repository.remote.pull import pull  # noqa: PLC0415

    name = chosen_model(job, task, chosen_files(job))
    pulled = pull(job.repository, name, to=task.to, version=task.version)
    versions_console.print_pulled(
        name, pulled.versions, to=str(pulled.model.directory), is_json=is_json
    )
