"""Whether what is to be published fits: what is published already, and the Triton to come."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.repository import changes
from packager.repository.destination import destination_of
from packager.repository.state import read
from packager.server import releases
from packager.spec.job import Stage
from packager.tasks.rendering import rendered

if TYPE_CHECKING:
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe
    from packager.stages.walk import Walk

logger = logging.getLogger(__name__)


def require_compatible(job: Job, recipe: Recipe) -> None:
    """Check a recipe, of which all that `config.pbtxt` says is known, against what is published.

    Raises:
        SpecError: clients would break and `allow_breaking` is not set; or the version policy would
            serve an older version that the new config does not fit, or one that is not there.
        UnavailableError: a remote repository cannot be read.
    """
    destination = destination_of(job.repository)
    files = destination.files()
    state = read(files, recipe.name)
    number = destination.next_version(recipe.name)
    _require_present(recipe, (*state.versions, number))
    if not state.versions:
        return
    texts = rendered(recipe, version=number).value
    config, labels = texts["config"], texts["labels"]
    changes.require_compatible(
        changes.published(files, state),
        changes.interface(config, labels),
        allow=job.allow_breaking,
    )
    changes.require_policy_fits(state, config, labels, number)


def _require_present(recipe: Recipe, versions: tuple[int, ...]) -> None:
    """Check that the versions are there that a specific policy serves beside the new one."""
    absent = sorted({*recipe.serving.version_policy.versions} - {*versions})
    if absent:
        raise SpecError(
            f"{recipe.name} has no version {', '.join(map(str, absent))}",
            where="serving.version_policy.versions",
            remedy="name versions that `task=versions` lists",
        )


def warn_of_release(walk: Walk) -> None:
    """Say where the Triton that the model is meant for may not load what is exported.

    Raises:
        SpecError: there is no such release.
    """
    if walk.job.release is None:
        return
    exported_by = walk.results[Stage.export].inputs["libraries"]["torch"]
    warning = releases.warning(walk.job.release, exported_by)
    if warning is not None:
        logger.warning("%s", warning)
