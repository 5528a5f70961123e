"""What a manifest says of a build: its data, its preprocessing, its training, its stages."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from packager import __version__
from packager.repository.manifest import Manifest, sha256
from packager.resources import PACKAGE
from packager.spec.architecture import TorchScriptSpec
from packager.spec.job import Stage
from packager.spec.plain import plain
from packager.spec.recipe import Pixels
from packager.stages import environment
from packager.stages.walk import digest_of
from packager.tasks.metrics import epoch_times
from packager.tasks.pinned import export_record, rates_record
from packager.tasks.rendering import rendered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from packager.proof.result import Proof
    from packager.spec.recipe import Recipe
    from packager.stages.walk import Walk
    from packager.tasks.candidate import Candidate


def manifest_of(
    walk: Walk, candidate: Candidate, *, proofs: Sequence[Proof], version: int
) -> Manifest:
    """Return the manifest of a model whose stages are all behind.

    `version` is the number that the model gets: its configs may name it.
    """
    recipe, texts = walk.recipe, rendered(walk.recipe, walk.samples(), version=version).value
    training = walk.value(Stage.train)["training"] if Stage.train in walk.results else None
    return Manifest(
        recipe=recipe,
        version=version,
        files=candidate.files(),
        config=texts["config"],
        host_configs=texts["host_configs"],
        labels=tuple(texts["labels"]),
        dataset=dataset_record(walk),
        preprocessing=preprocessing_record(recipe),
        module=module_record(recipe, weights=walk.weights),
        export=export_record(walk),
        training=training,
        metrics={"accuracy": accuracy(training, proofs), "subset": _is_subset(walk)},
        proofs=tuple(proofs),
        code=code_record(),
        host=environment.host(Stage.train, recipe),
        release=walk.job.release,
        golden=candidate.golden,
        stages={
            stage.value: {"key": result.key, "code": digest_of(result.inputs["code"])}
            for stage, result in walk.results.items()
        },
        times=times(walk, proofs),
    )


def times(walk: Walk, proofs: Sequence[Proof]) -> dict[str, object]:
    """Return when and how long: of a stage that was reused, how long it took when it ran."""
    return {
        "built": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": {stage.value: result.value["seconds"] for stage, result in walk.results.items()},
        "epochs": epoch_times(walk),
        "rows_per_second": rates_record(walk),
        "proofs": {proof.name: proof.timing for proof in proofs if proof.timing},
    }


def accuracy(training: Mapping[str, Any] | None, proofs: Sequence[Proof]) -> float | None:
    """Return the accuracy on the test set in [0, 1], of training or else of the proof."""
    if training is not None:
        return float(training["test_accuracy"])
    measured = (proof.measured.get("accuracy") for proof in proofs)
    return next((value for value in measured if value is not None), None)


def code_record() -> dict[str, object]:
    """Return which source of packager's own built the model; no revision outside a checkout."""
    return {"packager": __version__, "revision": _git("rev-parse", "HEAD"), "modified": _modified()}


def _modified() -> bool | None:
    """Return whether packager's own source differs from its revision."""
    changed = _git("status", "--porcelain", "--", "packager", "conf", "templates")
    return None if changed is None else bool(changed)


def _git(*arguments: str) -> str | None:
    checkout = PACKAGE.parent
    if not (checkout / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _is_subset(walk: Walk) -> bool:
    return bool(walk.data and walk.data["subset"])


def dataset_record(walk: Walk) -> dict[str, object] | None:
    """Return which images the model learnt from and was proven on."""
    spec, data = walk.recipe.dataset, walk.data
    if spec is None or data is None or walk.fetched is None:
        return None
    kept = ("digest", "subset", "skipped_images", "train_images", "test_images")
    # The same bytes may have come from elsewhere when the data stage ran.
    source = str(walk.fetched.source)
    return {"name": spec.name, "source": source, **{key: data[key] for key in kept}}


def preprocessing_record(recipe: Recipe) -> dict[str, object] | None:
    """Return what happens to an image before the model, and which part of it clients must do."""
    if recipe.dataset is None:
        return None
    inside = recipe.export.pixels is Pixels.uint8
    return {
        "resize": plain(recipe.dataset.resize),
        "channels": recipe.dataset.channels,
        "invert": recipe.dataset.invert,
        "layout": "channels, height, width",
        "scale": "uint8 / 255",
        "normalize": plain(recipe.dataset.normalize),
        "clients_send": "uint8 pixels" if inside else "float32, scaled and normalized",
        "inside_model": ["scale", "normalize"] if inside else [],
    }


def module_record(recipe: Recipe, *, weights: str | None) -> dict[str, object]:
    """Return which weights the model has, and the digest of the file that they came from."""
    given = recipe.architecture
    path = given.path if isinstance(given, TorchScriptSpec) else None
    if not isinstance(given, TorchScriptSpec) and given.weights is not None:
        path = given.weights.path
    return {"weights_sha256": weights, "file_sha256": None if path is None else sha256(path)}
