"""The beginning of a build's walk from stage to stage: its cache, and what it knows of files."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from packager.cache.fingerprints import Fingerprints
from packager.cache.store import Store
from packager.stages.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.job import Job


@contextlib.contextmanager
def begun(job: Job, *, frozen: bool = False) -> Iterator[Walk]:
    """Give a walk that stands before the first stage; a frozen one writes nothing anywhere.

    Raises:
        SpecError: no recipe is chosen.
    """
    root = job.cache.path
    walk = Walk(
        job=job,
        store=Store(root / "stages", max_bytes=job.cache.max_bytes, frozen=frozen),
        sources=Fingerprints(root / "fingerprints" / "sources.json", frozen=frozen),
        files=Fingerprints(root / "fingerprints" / "files.json", frozen=frozen),
        recipe=job.require_recipe(),
    )
    try:
        yield walk
    finally:
        walk.sources.save()
        walk.files.save()
