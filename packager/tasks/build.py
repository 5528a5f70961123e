"""`task=build`: data, training, export, config, proofs, publishing; in this order or not."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from packager import architectures, console
from packager.datasets.fetch import fetch
from packager.datasets.load import Dataset, load
from packager.errors import SpecError
from packager.export import torchscript
from packager.model_config.render import label_filename, render
from packager.proof import batching, contract, live, parity, rules
from packager.proof.result import Proof
from packager.repository.layout import ModelPaths
from packager.repository.manifest import Manifest, digests
from packager.repository.publish import Published, publish, reported, rewrite_manifest, staged
from packager.spec.recipe import Recipe
from packager.spec.server import ExternalServerSpec
from packager.tasks import proving
from packager.tasks.requests import examples
from packager.tasks.summary import Summary
from packager.training.fit import Trained, fit
from packager.training.fit import prepare as prepare_torch

if TYPE_CHECKING:
    from packager.spec.job import Job


STAGED_VERSION = 1
"""A staged model's version directory; publishing gives it the next free number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A staged model, to be proven and published, with all that it came from."""

    recipe: Recipe
    dataset: Dataset
    trained: Trained
    model: ModelPaths
    artifact: torch.jit.ScriptModule


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A published model: its recipe with every input and output known, and what was proven."""

    recipe: Recipe
    published: Published
    proofs: tuple[Proof, ...]


def run(job: Job) -> Summary:
    """Build and publish the job's recipe; print what was done.

    Raises:
        SpecError, ProofError, UnavailableError: as the stages do; nothing is published then.
    """
    recipe = job.require_recipe()
    if recipe.inputs and -1 not in recipe.inputs[0].dims:
        _require_fitting_layers(recipe, recipe.inputs[0].dims)
    dataset = _data(job, recipe)
    recipe = contract.derive_inputs(recipe, sample_shape=tuple(dataset.train.images.shape[1:]))
    trained = _train(recipe, dataset)
    with staged(job.repository, recipe.name) as model:
        with reported(model.directory, "repository.staging"):
            candidate = _stage(recipe, dataset, trained, model)
        proofs, question = _prove(job, candidate)
        manifest = _manifest(candidate, proofs)
        with reported(model.directory, "repository.staging"):
            model.manifest(STAGED_VERSION).write_text(manifest.to_json())
        built = _publish(job, candidate, manifest, question)
    summary = Summary(
        name=recipe.name,
        version=built.published.version,
        test_accuracy=trained.test_accuracy,
        subset=dataset.subset,
    )
    _print(built, summary)
    return summary


def _require_fitting_layers(
    recipe: Recipe, sample_shape: tuple[int, ...]
) -> list[architectures.PlacedLayer]:
    """Check that the layers fit together, end in one score a class, and fit into memory."""
    placed = architectures.place(recipe.architecture, sample_shape=sample_shape)
    last = placed[-1]
    classes = len(recipe.dataset.classes)
    if last.output_shape != (classes,):
        raise SpecError(
            f"the last layer gives {list(last.output_shape)}; dataset {recipe.dataset.name} has"
            f" {classes} classes",
            where=f"architecture.layers[{len(recipe.architecture.layers) - 1}]",
            remedy=f"end with Linear: {{out_features: {classes}}}",
        )
    bytes_per_row = architectures.peak_bytes(placed, sample_shape=sample_shape)
    batching.require_memory(recipe.serving, bytes_per_row=bytes_per_row)
    return placed


def _data(job: Job, recipe: Recipe) -> Dataset:
    with console.stage("data") as findings:
        fetched = fetch(recipe.dataset, cache=job.cache / "data")
        dataset = load(recipe.dataset, fetched)
        findings.append(
            f"{recipe.dataset.name} from {dataset.source}:"
            f" {len(dataset.train.labels):,} training and {len(dataset.test.labels):,} test images"
        )
    if dataset.subset:
        console.warn_subset(recipe.dataset.name)
    return dataset


def _train(recipe: Recipe, dataset: Dataset) -> Trained:
    sample_shape = tuple(dataset.train.images.shape[1:])
    placed = _require_fitting_layers(recipe, sample_shape)
    prepare_torch(recipe.trainer)
    module = architectures.build(recipe.architecture, sample_shape=sample_shape)
    console.err.print(console.layer_table(placed, sample_shape))
    with (
        console.stage("train") as findings,
        console.TrainingProgress(recipe.trainer.epochs) as progress,
    ):
        trained = fit(module, dataset, recipe.trainer, progress)
        findings.append(
            f"test accuracy {trained.test_accuracy:.2%} with epoch {trained.best_epoch} of"
            f" {recipe.trainer.epochs}, chosen on {recipe.trainer.selection.value} images"
        )
    return trained


def _stage(recipe: Recipe, dataset: Dataset, trained: Trained, model: ModelPaths) -> Candidate:
    """Write everything but the manifest, and read the artifact back."""
    with console.stage("export") as findings:
        path = model.artifact(STAGED_VERSION)
        path.parent.mkdir()
        torchscript.export(trained.module, method=recipe.export_method, path=path)
        artifact = torchscript.load(path)
        size = path.stat().st_size
        findings.append(f"TorchScript ({recipe.export_method.value}), {size:,} bytes")
    recipe = contract.derive_outputs(recipe, artifact)
    model.config.write_text(render(recipe))
    if any(label_filename(tensor, recipe) for tensor in recipe.outputs):
        model.labels.write_text("".join(f"{name}\n" for name in dataset.classes))
    return Candidate(
        recipe=recipe, dataset=dataset, trained=trained, model=model, artifact=artifact
    )


def _prove(job: Job, candidate: Candidate) -> tuple[list[Proof], live.Question]:
    recipe, artifact, test = candidate.recipe, candidate.artifact, candidate.dataset.test
    with console.stage("prove") as findings:
        proofs = [
            rules.prove(candidate.model.config.read_text(), recipe),
            contract.prove(recipe, artifact),
            batching.prove(artifact, test.images, recipe.serving),
        ]
        proof, expected = parity.prove(artifact, candidate.trained.module, test)
        question = live.Question(
            recipe=recipe, images=test.images, expected=expected, version=STAGED_VERSION
        )
        proofs += [proof, proving.before_publishing(job.server, candidate.model, question)]
        findings.append(", ".join(proof.name for proof in proofs))
    return proofs, question


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
    model, dataset, trained = candidate.model, candidate.dataset, candidate.trained
    trainer = candidate.recipe.trainer
    return Manifest(
        recipe=candidate.recipe,
        files=digests(model.artifact(STAGED_VERSION)),
        config=model.config.read_text(),
        labels=tuple(dataset.classes) if model.labels.exists() else (),
        dataset={
            "name": candidate.recipe.dataset.name,
            "source": dataset.source,
            "digest": dataset.digest,
            "subset": dataset.subset,
            "train_images": len(dataset.train.labels),
            "test_images": len(dataset.test.labels),
        },
        training={
            "best_epoch": trained.best_epoch,
            "selected_on": trainer.selection.value,
            "test_accuracy": trained.test_accuracy,
            "epochs": [
                {"epoch": epoch.epoch, "loss": epoch.loss, "accuracy": epoch.accuracy}
                for epoch in trained.epochs
            ],
        },
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
