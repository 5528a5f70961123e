"""Builds that a sweep compares by what only a server can tell of their models."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.spec.job import BuildTask
from packager.spec.server import ExternalServerSpec, NoServerSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.spec.job import Job
    from packager.spec.sweeping import By


def measured(job: Job, by: Sequence[By]) -> Job:
    """Return a job that measures what it is compared by, if it is a build.

    Raises:
        SpecError: it has no server of its own to ask.
    """
    asked = [one.value for one in by if one.is_of_serving]
    if not asked or not isinstance(job.task, BuildTask):
        return job
    if isinstance(job.server, NoServerSpec | ExternalServerSpec):
        kind = "none" if isinstance(job.server, NoServerSpec) else "external"
        raise SpecError(
            f"is {kind}, and builds are compared by {asked[0]}, which is measured on a server of"
            " their own",
            where="server",
            remedy=f"choose server=auto, or take {asked[0]} out of sweep.by",
        )
    return dataclasses.replace(job, task=dataclasses.replace(job.task, measure=True))
