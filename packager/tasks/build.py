"""`task=build`: data, training, export, config, proofs, publishing; in this order or not."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packager import console
from packager.architectures import layers
from packager.datasets.fetch import fetch
from packager.datasets.load import Dataset, load
from packager.datasets.samples import first, in_order
from packager.errors import SpecError
from packager.model_config.render import STAGED_VERSION
from packager.proof import batching, contract, parity, rules
from packager.proof.question import Question
from packager.proof.result import Proof
from packager.proof.samples import generated, image_rows
from packager.repository.publish import Published, publish, reported, rewrite_manifest, staged
from packager.spec.architecture import LayersSpec
from packager.spec.recipe import Recipe
from packager.spec.server import ExternalServerSpec
from packager.tasks import proving
from packager.tasks.candidate import Candidate, host_configs, manifest_of, stage
from packager.tasks.requests import examples
from packager.tasks.summary import Summary
from packager.tasks.training import Made, made

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from packager.proof.samples import Rows
    from packager.repository.layout import ModelPaths
    from packager.repository.manifest import Manifest
    from packager.spec.job import Job


SAMPLE = 256
"""Test images that are tried in batches of every size."""

TEST_BATCH = 500
"""How many test images are compared at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A published model: its recipe with every input and output known, and what was proven."""

    recipe: Recipe
    published: Published
    proofs: tuple[Proof, ...]


def run(job: Job) -> Summary | None:
    """Build and publish the job's recipe; print what was done.

    Of several processes that train together, one publishes and returns a summary.

    Raises:
        SpecError, ProofError, UnavailableError: as the stages do; nothing is published then.
    """
    recipe = job.require_recipe()
    _require_fitting_layers(recipe)
    dataset = _data(job, recipe)
    if recipe.dataset is not None and dataset is not None:
        known = dataclasses.replace(recipe.dataset, classes=dataset.classes)
        recipe = dataclasses.replace(recipe, dataset=known)
    recipe = contract.derive_inputs(recipe, sample_shape=dataset.train.shape if dataset else None)
    _require_fitting_layers(recipe)
    with made(job, recipe, dataset) as module:
        if module is None:
            return None
        with staged(job.repository, recipe.name) as model:
            built = _build(job, recipe, dataset, module, model)
        module.discard_checkpoints()
    summary = Summary(
        name=recipe.name,
        version=built.published.version,
        test_accuracy=_accuracy(built, module),
        subset=dataset is not None and dataset.subset,
    )
    _print(built, summary)
    return summary


def _build(
    job: Job, recipe: Recipe, dataset: Dataset | None, module: Made, model: ModelPaths
) -> Built:
    with reported(model.directory, "repository.staging"):
        candidate = stage(recipe, dataset, module, model)
    proofs, question = _prove(job, candidate)
    manifest = manifest_of(candidate, proofs)
    with reported(model.directory, "repository.staging"):
        model.manifest(STAGED_VERSION).write_text(manifest.to_json())
    return _publish(job, candidate, manifest, question)


def _accuracy(built: Built, module: Made) -> float | None:
    """Return the accuracy on the test set, of training or else of the proof."""
    if module.trained is not None:
        return module.trained.test.accuracy
    measured = [proof.measured.get("accuracy") for proof in built.proofs]
    return next((value for value in measured if value is not None), None)


def _require_fitting_layers(recipe: Recipe) -> None:
    """Check that a stack of layers, of known input, fits together and fits into memory."""
    if not isinstance(recipe.architecture, LayersSpec) or not recipe.inputs:
        return
    shape = recipe.inputs[0].dims
    if -1 in shape:
        return
    placed = layers.place(recipe.architecture, sample_shape=shape)
    last = placed[-1]
    classes = len(recipe.classes)
    if classes and last.output_shape != (classes,):
        raise SpecError(
            f"the last layer gives {list(last.output_shape)}; the dataset has {classes} classes",
            where=f"architecture.layers[{len(recipe.architecture.layers) - 1}]",
            remedy=f"end with Linear: {{out_features: {classes}}}",
        )
    bytes_per_row = layers.peak_bytes(placed, sample_shape=shape)
    batching.require_memory(recipe.serving, bytes_per_row=bytes_per_row)


def _data(job: Job, recipe: Recipe) -> Dataset | None:
    if recipe.dataset is None:
        return None
    with console.stage("data") as findings:
        fetched = fetch(recipe.dataset, cache=job.cache.path / "data")
        with console.counting("images") as progress:
            dataset = load(recipe.dataset, fetched, progress=progress)
        findings.append(
            f"{recipe.dataset.name} from {dataset.source}:"
            f" {len(dataset.train.labels):,} training and {len(dataset.test.labels):,} test images"
        )
        if dataset.skipped:
            findings.append(f"unreadable images left out: {dataset.skipped:,}")
    if dataset.subset:
        console.warn_subset(recipe.dataset.name)
    return dataset


def _prove(job: Job, candidate: Candidate) -> tuple[list[Proof], Question]:
    recipe, artifact, trained = candidate.recipe, candidate.artifact, candidate.made.trained
    with console.stage("prove") as findings:
        proofs = [
            rules.prove(candidate.model.config.read_text(), recipe, host_configs(candidate)),
            contract.prove(recipe, artifact, config=candidate.model.config.read_text()),
            batching.prove(artifact, _sample(candidate), recipe.serving, outputs=recipe.outputs),
        ]
        source, batches = _questions(candidate)
        proof, kept = parity.prove(
            candidate.reloaded(),
            candidate.reference,
            batches,
            recipe=recipe,
            source=source,
        )
        if trained is not None:
            parity.require_as_trained(proof, trained.test.accuracy)
        proofs.append(proof)
        question = Question(
            recipe=recipe, rows=kept.rows, expected=kept.expected, version=STAGED_VERSION
        )
        proofs.append(proving.before_publishing(job.server, candidate.model, question))
        findings.append(", ".join(proof.name for proof in proofs))
    return proofs, question


def _sample(candidate: Candidate) -> Rows:
    """Return some of what the model is asked."""
    if candidate.dataset is None:
        return generated(candidate.recipe.inputs)
    images = first(candidate.dataset.test, SAMPLE).images
    return image_rows(images, candidate.recipe)


def _questions(
    candidate: Candidate,
) -> tuple[str, Iterator[tuple[Rows, torch.Tensor | None]]]:
    """Return what the model is asked: every test image, or generated inputs where there is none."""
    recipe, dataset = candidate.recipe, candidate.dataset
    if dataset is None:
        return "generated inputs", iter([(generated(recipe.inputs), None)])
    batches = in_order(dataset.test, TEST_BATCH)
    return "test images", ((image_rows(images, recipe), labels) for images, labels in batches)


def _publish(job: Job, candidate: Candidate, manifest: Manifest, question: Question) -> Built:
    proofs = list(manifest.proofs)
    with console.stage("publish") as findings:
        published = publish(candidate.model, job.repository, version=STAGED_VERSION)
        if isinstance(job.server, ExternalServerSpec):
            question = dataclasses.replace(question, version=published.version)
            proofs[-1] = proving.after_publishing(
                job.server, published, job.repository, question, proofs[-1]
            )
            proven = dataclasses.replace(manifest, proofs=tuple(proofs))
            rewrite_manifest(published, proven.to_json(), job.repository)
        findings.append(f"{candidate.recipe.name} version {published.version}")
    return Built(recipe=candidate.recipe, published=published, proofs=tuple(proofs))


def _print(built: Built, summary: Summary) -> None:
    published = built.published
    console.out.print(console.proofs_table(built.proofs))
    title = str(_shown(published) / built.recipe.name)
    console.out.print(console.model_tree(published.model.directory, published.version, title=title))
    console.out.print(
        console.published_line(
            summary.name,
            summary.version,
            test_accuracy=summary.test_accuracy,
            subset=summary.subset,
        )
    )
    console.out.print(examples(built.recipe, repository=_shown(published)), markup=False)


def _shown(published: Published) -> Path:
    """Return the repository's path as the user would type it here."""
    repository = published.model.directory.parent
    here = Path.cwd()
    return repository.relative_to(here) if repository.is_relative_to(here) else repository
