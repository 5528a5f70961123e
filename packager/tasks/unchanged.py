"""A build of which nothing changed: known from what is kept and published; imports no torch."""

from __future__ import annotations

import hashlib
import math
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
from packager.stages.walk import ARTIFACT, look
from packager.tasks.compatibility import warn_of_release
from packager.tasks.metrics import metrics_lines
from packager.tasks.summary import Summary, print_proven, print_unchanged
from packager.training import ranks

if TYPE_CHECKING:
    from packager.spec.job import Job
    from packager.stages.walk import Walk


def unchanged(job: Job) -> Summary | None:
    """Return what is published where a build would publish the same; None where it has to run.

    Whatever is wrong is for the build to tell, and so is what has to be measured.
    """
    if job.forced or job.measures or ranks.size() > 1:
        return None
    try:
        with begun(job) as walk:
            if walk.recipe.dataset is not None:
                walk.fetched = at_hand(
                    walk.recipe.dataset, cache=job.cache.path / "data", digest=walk.digest
                )
            if look(walk) is not None:
                return None
            same = same_identity(walk) if job.publishes else (None, identity_of(walk))
            if same is None:
                return None
            warn_of_release(walk)
            version, identity = same
            return summary_of(walk, version=version, identity=identity)
    except (PackagerError, OSError, ModuleNotFoundError):
        return None


def tell(job: Job, summary: Summary) -> None:
    """Print that nothing changed, and how to serve the version where another one is."""
    if not job.publishes:
        print_proven(summary)
        return
    destination = destination_of(job.repository)
    served = summary.version in read(destination.files(), summary.name).served
    print_unchanged(summary, destination.title, served=served)


def summary_of(walk: Walk, *, version: int | None, identity: str) -> Summary:
    """Return what a build tells whose stages are all behind."""
    seconds = {stage: float(result.value["seconds"]) for stage, result in walk.results.items()}
    return Summary(
        name=walk.recipe.name,
        version=version,
        metrics={key: value for key, value in _metrics(walk).items() if math.isfinite(value)},
        subset=bool(walk.data and walk.data["subset"]),
        stages={stage.value: seconds[stage] for stage in seconds if stage in walk.made},
        reused={stage.value: seconds[stage] for stage in seconds if stage not in walk.made},
        identity=identity,
        artifact_sha256=walk.artifact,
    )


def _metrics(walk: Walk) -> dict[str, float]:
    """Return a build's figures: of training, of the artifact, and those that proofs measured."""
    training = walk.value(Stage.train)["training"] if Stage.train in walk.results else None
    measured = {
        f"{stage.value}.{name}": value
        for stage, result in walk.results.items()
        for name, value in result.value.get("proof", {}).get("measured", {}).items()
    }
    figures = {"artifact_bytes": walk.results[Stage.export].sizes[ARTIFACT], **measured}
    if training is not None:
        losses = {epoch["epoch"]: epoch["loss"] for epoch in training["epochs"]}
        figures["train_loss"] = losses.get(training["best_epoch"], math.nan)
    accuracy = training["test_accuracy"] if training else measured.get("parity.accuracy")
    return figures if accuracy is None else {"accuracy": accuracy, **figures}


def same_version(walk: Walk) -> int | None:
    """Return the version that is published already of what a walk gives; proofs may be to come."""
    same = same_identity(walk)
    return None if same is None else same[0]


def same_identity(walk: Walk) -> tuple[int, str] | None:
    """Return the version that is published already of what a walk gives, and its identity.

    A build that no server proves is content with a version that one has proven.
    """
    destination = destination_of(walk.job.repository)
    for is_proven_live in dict.fromkeys((_is_proven_live(walk), True)):
        identity = identity_of(walk, is_proven_live=is_proven_live)
        version = destination.same_version(walk.recipe.name, identity)
        if version is not None:
            return version, identity
    return None


def _is_proven_live(walk: Walk) -> bool:
    """Say whether a server has proven what a walk gives, or will have once it is built."""
    if Stage.live not in walk.results:
        return not isinstance(walk.job.server, NoServerSpec)
    return is_proven(from_json(walk.value(Stage.live)["proof"]))


def identity_of(walk: Walk, *, is_proven_live: bool | None = None) -> str:
    """Return the identity of the version that a walk with all stages behind would publish.

    `is_proven_live` None is as the walk says.
    """
    texts = walk.value(Stage.render)
    metrics = "".join(metrics_lines(walk)).encode()
    files = {ARTIFACT_NAME: walk.artifact}
    if metrics:
        files[METRICS_FILE] = hashlib.sha256(metrics).hexdigest()
    return identity(
        files=files,
        texts=texts,
        policy=walk.recipe.serving.version_policy,
        is_proven_live=_is_proven_live(walk) if is_proven_live is None else is_proven_live,
    )
