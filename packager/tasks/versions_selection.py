"""Which models `task=versions` is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.repository.destination import destination_of
from packager.tasks.selection import choices

if TYPE_CHECKING:
    from packager.repository.files import Files
    from packager.spec.job import Job, VersionsTask


def title(job: Job) -> str:
    """Return the repository as the user would type it here."""
    return destination_of(job.repository).title


def chosen_models(job: Job, task: VersionsTask, files: Files) -> tuple[str, ...]:
    """Return the model that is named, by the task or by the recipe, or else all.

    Raises:
        SpecError: it is not there; lists those that are.
    """
    there = files.models()
    name = task.model or (job.recipe.name if job.recipe else None)
    if name is None:
        return there
    if name not in there:
        raise SpecError(
            f"there is no model '{name}' in {title(job)}",
            where="task.model" if task.model else "name",
            remedy=choices(there),
        )
    return (name,)


def chosen_model(job: Job, task: VersionsTask, files: Files) -> str:
    """Return the one model that is named.

    Raises:
        SpecError: none is, or it is not there; lists those that are.
    """
    if task.model is None and job.recipe is None:
        raise SpecError(
            f"is not given, and {task.action.value} is of one model",
            where="task.model",
            remedy=choices(files.models()),
        )
    return chosen_models(job, task, files)[0]
