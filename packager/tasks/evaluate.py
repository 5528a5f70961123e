"""`task=evaluate`: accuracy and latency of the served model on the test set."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from packager import console, load_console, output_file
from packager.datasets.fetch import fetch
from packager.datasets.load import load
from packager.datasets.samples import first, in_order
from packager.errors import ProofError, SpecError
from packager.load.batches import batch_size, batches, rows_of
from packager.load.closed_loop import LoadSettings, Request, ask_all
from packager.load.timings import Timings
from packager.proof.samples import image_rows
from packager.proof.tolerances import ACCURACY_LOSS
from packager.spec.asking import ReportFormat
from packager.tasks.recording import preprocessing_record
from packager.tasks.served import ServedModel, served_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.datasets.load import Dataset
    from packager.load.sender import Array
    from packager.model_metadata import TensorMetadata
    from packager.spec.asking import EvaluateTask
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe
    from packager.tasks.summary import Summary

PREPARED_VALUES = 2**22
"""So many values of test images are prepared at a time, or one request's."""


@dataclass(kw_only=True, slots=True)
class Evaluation:
    """What is known of a served model so far: `asked` of `images` test images.

    `published` is the manifest's accuracy on the same images, None where it is not to be compared;
    `not_compared` says why.
    """

    model: str
    version: int
    images: int
    settings: LoadSettings
    batch: int
    published: float | None = None
    not_compared: str = ""
    correct: int = 0
    timings: Timings = field(default_factory=Timings)

    @property
    def asked(self) -> int:
        """Test images that were answered."""
        return self.timings.samples

    @property
    def is_partial(self) -> bool:
        """Whether images are missing that were to be asked."""
        return self.asked < self.images

    @property
    def accuracy(self) -> float | None:
        """Of those that were answered, in [0, 1]."""
        return self.correct / self.asked if self.asked else None

    @property
    def differs(self) -> bool:
        """Whether the accuracy is another than the manifest's; one near tie may fall otherwise."""
        if self.is_partial or self.published is None:
            return False
        promised = round(self.published * self.images)
        return abs(self.correct - promised) > max(1, ACCURACY_LOSS * self.images)

    def as_json(self) -> dict[str, Any]:
        """Return everything by name."""
        return {
            "model": self.model,
            "version": self.version,
            "protocol": self.settings.protocol.value,
            "batch": self.batch,
            "concurrency": self.settings.concurrency,
            "partial": self.is_partial,
            "images": self.images,
            "asked": self.asked,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "published_accuracy": self.published,
            "not_compared": self.not_compared or None,
            **self.timings.as_json(),
        }


def run(job: Job, task: EvaluateTask) -> Summary:
    """Ask the served model about every test image; print, write and return what came of it.

    Raises:
        SpecError: no recipe with data, or one that does not fit the served model.
        ProofError: the accuracy is not the manifest's.
        UnavailableError: no server, or it went away; what was answered before is told as partial.
    """
    recipe = job.require_recipe()
    if task.output is not None:
        output_file.require_writable(task.output, where="task.output")
    dataset = _dataset(job, recipe)
    with served_model(job, task.asked) as served:
        evaluation = _evaluate(served, task, recipe, dataset)
    if evaluation.differs:
        raise ProofError(
            f"the served model has accuracy {evaluation.accuracy:.2%}, its manifest says"
            f" {evaluation.published:.2%}",
            where=f"{evaluation.model}/{evaluation.version}",
            remedy="check its files with task=versions task.action=verify, and that the server"
            " serves this repository",
        )
    figures = {"accuracy": evaluation.accuracy, **evaluation.timings.as_json()}
    is_part = dataset.subset or evaluation.images < len(dataset.test.labels)
    return served.summary(figures, subset=is_part)


def _dataset(job: Job, recipe: Recipe) -> Dataset:
    if recipe.dataset is None:
        raise SpecError(
            "there are no test images to ask about",
            where="dataset",
            remedy="choose a recipe with a dataset",
        )
    with console.stage("data") as findings:
        fetched = fetch(recipe.dataset, cache=job.cache.path / "data")
        with console.counting("images") as progress:
            dataset = load(recipe.dataset, fetched, progress=progress)
        findings.append(f"{len(dataset.test.labels):,} test images from {dataset.source}")
    if dataset.subset:
        console.warn_subset(recipe.dataset.name)
    return dataset


def _evaluate(
    served: ServedModel, task: EvaluateTask, recipe: Recipe, dataset: Dataset
) -> Evaluation:
    tensor = _fitting_input(served, recipe, dataset)
    rank = len(dataset.test.shape)
    size = batch_size(tensor, max_batch_size=served.max_batch_size, asked=task.batch, rank=rank)
    images = min(len(dataset.test.labels), task.limit or len(dataset.test.labels))
    evaluation = Evaluation(
        model=served.name,
        version=served.version,
        images=images,
        settings=LoadSettings(
            protocol=task.asked.protocol,
            concurrency=task.concurrency,
            rows=size,
            retries=task.asked.retries,
        ),
        batch=size,
    )
    _compare_with_manifest(evaluation, served, recipe, dataset)
    try:
        _ask(evaluation, served, task, _requests(recipe, dataset, tensor, evaluation), dataset)
    finally:
        if evaluation.asked:
            _tell(evaluation, task)
    return evaluation


def _ask(
    evaluation: Evaluation,
    served: ServedModel,
    task: EvaluateTask,
    requests: Iterator[Request],
    dataset: Dataset,
) -> None:
    labels = dataset.test.labels.numpy()
    output = served.scores_output(classes=len(dataset.classes)).name
    target = served.target(timeout_s=task.asked.timeout_s)
    with served.refusals_told(), console.counting("images asked") as progress:

        def answered(request: Request, outputs: dict[str, Array]) -> None:
            scores = rows_of(outputs[output], request).reshape(request.samples, -1)
            right = labels[request.place : request.place + request.samples]
            evaluation.correct += int((scores.argmax(1) == right).sum())
            progress(evaluation.asked, evaluation.images)

        ask_all(
            target, evaluation.settings, requests, answered=answered, timings=evaluation.timings
        )


def _requests(
    recipe: Recipe, dataset: Dataset, tensor: TensorMetadata, evaluation: Evaluation
) -> Iterator[Request]:
    """Yield the test images as requests, prepared as in training, some at a time."""
    start = 0
    requests_at_once = PREPARED_VALUES // (math.prod(dataset.test.shape) * evaluation.batch)
    test = dataset.test.part(torch.arange(evaluation.images))
    for images, _ in in_order(test, max(1, requests_at_once) * evaluation.batch):
        (rows,) = image_rows(images, recipe)
        for request in batches({tensor.name: rows.numpy()}, [tensor], size=evaluation.batch):
            yield Request(
                inputs=request.inputs, samples=request.samples, place=start + request.place
            )
        start += len(images)


def _fitting_input(served: ServedModel, recipe: Recipe, dataset: Dataset) -> TensorMetadata:
    """Return the served model's input.

    Raises:
        SpecError: it does not take this dataset's images.
    """
    (rows,) = image_rows(first(dataset.test, 1).images, recipe)
    return served.require_input(np.asarray(rows.numpy())[0])


def _compare_with_manifest(
    evaluation: Evaluation, served: ServedModel, recipe: Recipe, dataset: Dataset
) -> None:
    """Note the accuracy that the manifest promises, or why it cannot be compared.

    Raises:
        SpecError: the recipe prepares images otherwise than the version was built with.
    """
    record = served.record
    if record is None:
        evaluation.not_compared = "the repository has no manifest of this version"
        return
    built = record.content.get("preprocessing")
    # Manifests of before `dataset.invert` do not tell it.
    if built is not None and {"invert": False, **built} != preprocessing_record(recipe):
        raise SpecError(
            "the recipe prepares images otherwise than this version was built with",
            where=f"{served.name}/{served.version}",
            remedy="give the recipe that it was built from; its manifest has the preprocessing",
        )
    data = record.content.get("dataset") or {}
    if evaluation.images < len(dataset.test.labels):
        evaluation.not_compared = "not all test images are asked"
    elif data.get("digest") != dataset.digest:
        evaluation.not_compared = "the version was built with other data"
    elif record.accuracy is None:
        evaluation.not_compared = "the manifest has no accuracy"
    else:
        evaluation.published = record.accuracy


def _tell(evaluation: Evaluation, task: EvaluateTask) -> None:
    """Print the result and write it, whole or not."""
    text = json.dumps(evaluation.as_json(), indent=2)
    if task.output is not None:
        output_file.write(task.output, f"{text}\n".encode(), where="task.output")
    if task.format is ReportFormat.json:
        console.out.print(text, markup=False)
        return
    console.out.print(load_console.evaluation_table(evaluation.as_json()))
