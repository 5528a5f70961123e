"""A build of which nothing changed: known from what is kept and published; imports no torch."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from packager.datasets.at_hand import at_hand
from packager.errors import PackagerError
from packager.export.artifact import ARTIFACT_NAME
from packager.proof.result import from_json
from packager.repository.destination import destination_of
from packager.repository.layout import METRICS_FILE
from packager.repository.manifest import identity, is_proven
from packager.repository.state import read
from packager.spec.job import Stage
from packager.spec.server import NoServerSpec
from packager.stages.start import begun
from packager.stages.walk import look
from packager.tasks.compatibility import warn_of_release
from packager.tasks.metrics import metrics_lines
from packager.tasks.summary import Summary, print_unchanged
from packager.training import ranks

if TYPE_CHECKING:
    from packager.spec.job import Job
    from packager.stages.walk import Walk


def unchanged(job: Job) -> Summary | None:
    """Return what is published where a build would publish the same; None where it has to run.

    Whatever is wrong is for the build to tell.
    """
    if job.forced or ranks.size() > 1:
        return None
    try:
        with begun(job) as walk:
            if walk.recipe.dataset is not None:
                walk.fetched = at_hand(
                    walk.recipe.dataset, cache=job.cache.path / "data", digest=walk.digest
                )
            if look(walk) is not None:
                return None
            summary = _summary(walk)
            if summary is not None:
                warn_of_release(walk)
            return summary
    except (PackagerError, OSError, ModuleNotFoundError):
        return None


def tell(job: Job, summary: Summary) -> None:
    """Print that nothing changed, and how to serve the version where another one is."""
    destination = destination_of(job.repository)
    served = summary.version in read(destination.files(), summary.name).served
    print_unchanged(summary, destination.title, served=served)


def _summary(walk: Walk) -> Summary | None:
    name = walk.recipe.name
    version = same_version(walk)
    if version is None:
        return None
    training = walk.value(Stage.train)["training"] if Stage.train in walk.results else None
    parity = walk.value(Stage.parity)["proof"]["measured"]
    accuracy = training["test_accuracy"] if training else parity.get("accuracy")
    return Summary(
        name=name,
        version=version,
        test_accuracy=accuracy,
        subset=bool(walk.data and walk.data["subset"]),
    )


def same_version(walk: Walk) -> int | None:
    """Return the version that is published already of what a walk gives; proofs may be to come.

    A build that no server proves is content with a version that one has proven.
    """
    destination = destination_of(walk.job.repository)
    for is_proven_live in dict.fromkeys((_is_proven_live(walk), True)):
        identity = identity_of(walk, is_proven_live=is_proven_live)
        version = destination.same_version(walk.recipe.name, identity)
        if version is not None:
            return version
    return None


def _is_proven_live(walk: Walk) -> bool:
    """Say whether a server has proven what a walk gives, or will have once it is built."""
    if Stage.live not in walk.results:
        return not isinstance(walk.job.server, NoServerSpec)
    return is_proven(from_json(walk.value(Stage.live)["proof"]))


def identity_of(walk: Walk, *, is_proven_live: bool) -> str:
    """Return the identity of the version that a walk with all stages behind would publish."""
    texts = walk.value(Stage.render)
    metrics = "".join(metrics_lines(walk)).encode()
    files = {ARTIFACT_NAME: walk.artifact}
    if metrics:
        files[METRICS_FILE] = hashlib.sha256(metrics).hexdigest()
    return identity(
        files=files,
        texts=texts,
        policy=walk.recipe.serving.version_policy,
        is_proven_live=is_proven_live,
    )
