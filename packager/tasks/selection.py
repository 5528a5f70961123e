"""Which models there are to choose from, and how that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import UnavailableError
from packager.repository.destination import destination_of
from packager.spec.recipe import RepositorySpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.repository.files import Files
    from packager.spec.job import Job

MANY = 20
"""So many names are shown of what there is."""


def chosen_files(job: Job) -> Files:
    """Return the repository, to be read.

    Raises:
        UnavailableError: there is none.
    """
    if isinstance(job.repository, RepositorySpec) and not job.repository.path.is_dir():
        raise UnavailableError(
            f"there is no model repository at {job.repository.path}",
            where="repository.path",
            remedy="name another, or build a model first: python -m packager model=fashion_cnn",
        )
    return destination_of(job.repository).files()


def choices(there: Sequence[str]) -> str:
    """Return the remedy that names what there is, or the first of many."""
    if not there:
        return "build one first: the repository is empty"
    more = f" and {len(there) - MANY:,} more" if len(there) > MANY else ""
    return f"choose of {', '.join(there[:MANY])}{more}"
