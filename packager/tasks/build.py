"""`task=build`: data, training, export, config, proofs, publishing; in this order or not."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from packager import console
from packager.architectures import layers
from packager.datasets.fetch import fetch
from packager.datasets.load import Dataset, load
from packager.datasets.samples import first, in_order
from packager.errors import SpecError
from packager.export import existing, torchscript
from packager.export.preprocessing import with_preprocessing
from packager.model_config.render import label_filename, render
from packager.proof import batching, contract, live, parity, rules
from packager.proof.result import Proof
from packager.proof.samples import generated, image_rows
from packager.repository.layout import ModelPaths
from packager.repository.manifest import Manifest, digests
from packager.repository.publish import Published, publish, reported, rewrite_manifest, staged
from packager.spec.architecture import LayersSpec, TorchScriptSpec
from packager.spec.recipe import Pixels, Recipe
from packager.spec.server import ExternalServerSpec
from packager.tasks import proving
from packager.tasks.recording import (
    dataset_record,
    module_record,
    preprocessing_record,
    training_record,
)
from packager.tasks.requests import examples
from packager.tasks.summary import Summary
from packager.tasks.training import Made, made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.proof.samples import Rows
    from packager.spec.job import Job


STAGED_VERSION = 1
"""A staged model's version directory; publishing gives it the next free number."""

SAMPLE = 256
"""Test images that are tried in batches of every size."""

TEST_BATCH = 500
"""How many test images are compared at a time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A staged model, to be proven and published, with all that it came from.

    `reference` is what the artifact must answer as: the module before it was exported.
    """

    recipe: Recipe
    dataset: Dataset | None
    made: Made
    model: ModelPaths
    reference: nn.Module
    artifact: torch.jit.ScriptModule


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
        candidate = _stage(recipe, dataset, module, model)
    proofs, question = _prove(job, candidate)
    manifest = _manifest(candidate, proofs)
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
        fetched = fetch(recipe.dataset, cache=job.cache / "data")
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


def _stage(recipe: Recipe, dataset: Dataset | None, module: Made, model: ModelPaths) -> Candidate:
    """Write everything but the manifest, and read the artifact back."""
    path = model.artifact(STAGED_VERSION)
    path.parent.mkdir()
    with console.stage("export") as findings:
        reference = _export(recipe, module, path)
        artifact = torchscript.load(path)
        size = path.stat().st_size
        findings.append(f"TorchScript ({_method(recipe)}), {size:,} bytes")
    recipe = contract.derive_outputs(recipe, artifact)
    model.config.write_text(render(recipe))
    if any(label_filename(tensor, recipe) for tensor in recipe.outputs):
        model.labels.write_text("".join(f"{name}\n" for name in recipe.classes))
    if module.trained is not None:
        lines = [epoch.to_json() for epoch in module.trained.epochs]
        model.metrics(STAGED_VERSION).write_text("".join(lines))
    return Candidate(
        recipe=recipe,
        dataset=dataset,
        made=module,
        model=model,
        reference=reference,
        artifact=artifact,
    )


def _export(recipe: Recipe, module: Made, path: Path) -> nn.Module:
    """Write the artifact; return the module that it must answer as."""
    if isinstance(recipe.architecture, TorchScriptSpec):
        existing.copy_in(recipe.architecture, path)
        return torchscript.load(recipe.architecture.path)
    served = module.require_module()
    if recipe.export.pixels is Pixels.uint8 and recipe.dataset is not None:
        served = with_preprocessing(served, recipe.dataset.normalize).eval()
    torchscript.export(served, method=recipe.export.method, path=path)
    return served


def _method(recipe: Recipe) -> str:
    if isinstance(recipe.architecture, TorchScriptSpec):
        return "the file as it is"
    return recipe.export.method.value


def _prove(job: Job, candidate: Candidate) -> tuple[list[Proof], live.Question]:
    recipe, artifact = candidate.recipe, candidate.artifact
    with console.stage("prove") as findings:
        proofs = [
            rules.prove(candidate.model.config.read_text(), recipe),
            contract.prove(recipe, artifact, config=candidate.model.config.read_text()),
            batching.prove(artifact, _sample(candidate), recipe.serving),
        ]
        source, batches = _questions(candidate)
        proof, kept = parity.prove(
            artifact, candidate.reference, batches, serving=recipe.serving, source=source
        )
        proofs.append(proof)
        question = live.Question(
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


def _publish(job: Job, candidate: Candidate, manifest: Manifest, question: live.Question) -> Built:
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


def _manifest(candidate: Candidate, proofs: list[Proof]) -> Manifest:
    model, recipe, trained = candidate.model, candidate.recipe, candidate.made.trained
    files = [model.artifact(STAGED_VERSION)]
    if trained is not None:
        files.append(model.metrics(STAGED_VERSION))
    return Manifest(
        recipe=recipe,
        files=digests(*files),
        config=model.config.read_text(),
        labels=recipe.classes if model.labels.exists() else (),
        dataset=dataset_record(recipe, candidate.dataset),
        preprocessing=preprocessing_record(recipe),
        training=training_record(recipe, trained),
        module=module_record(recipe, candidate.made.module),
        proofs=tuple(proofs),
    )


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
