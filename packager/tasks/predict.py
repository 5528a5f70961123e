"""`task=predict`: what pictures show, by the served model's own labels."""

from __future__ import annotations

import os
import warnings
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tenacity import Retrying

from packager import console, output_file
from packager.client import WireFormat
from packager.datasets.decoding import UnreadableImageError
from packager.datasets.prefetch import in_threads
from packager.errors import FindingsError, SpecError, UnavailableError
from packager.load.retrying import again
from packager.prediction import reports, scores
from packager.prediction.classifier import Classifier, classifier
from packager.prediction.preparing import Preprocessing, pixels, preprocessing, values
from packager.prediction.reports import Prediction, Predictions
from packager.prediction.sources import Source, opened, sources
from packager.spec.asking import PredictTask, Protocol
from packager.tasks.recording import preprocessing_record
from packager.tasks.served import ServedModel, served_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from packager.prediction.scores import Answer
    from packager.spec.job import Job

WIRES = {
    Protocol.json: WireFormat.JSON,
    Protocol.binary: WireFormat.BINARY,
    Protocol.grpc: WireFormat.GRPC,
}
NO_NUMBERS = "the model's scores of it are no numbers"

Asked = tuple[Source, "NDArray[np.uint8] | UnreadableImageError"]


def run(job: Job, task: PredictTask) -> None:
    """Classify the pictures and print what they show.

    Raises:
        SpecError: no picture is named; the model is not there, or takes no pictures.
        UnavailableError: there is no server, or it does not answer.
        FindingsError: some pictures were not classified; each was named.
    """
    if not task.images:
        raise SpecError(
            "is not given: the pictures to classify",
            where="task.images",
            remedy="name files, folders, patterns, URLs or - for standard input:"
            " task.images=[a.png,photos]",
        )
    if task.output is not None:
        output_file.require_writable(task.output, where="task.output")
    meant = sources(task.images)
    if all(source.error for source in meant):  # no server is needed to say so
        of = tuple(Prediction(file=source.name, error=source.error) for source in meant)
        found = Predictions(of=of, top=task.top)
    else:
        found = _asked(job, task, meant)
    reports.write(found, task.format, task.output)
    if found.failed:
        raise FindingsError(
            f"{found.failed} of {len(found.of)} could not be classified",
            where="task.images",
            remedy="the result says why beside each name",
        )


def _asked(job: Job, task: PredictTask, meant: Sequence[Source]) -> Predictions:
    with served_model(job, task.asked) as served:
        how = _preprocessing(job, served)
        if task.invert is not None:
            how = replace(how, invert=task.invert)
        asking = _Asking(
            served=served,
            task=task,
            how=how,
            classifier=classifier(served.metadata, served.config, how),
        )
        of = asking.predictions(meant)
        return Predictions(of=of, top=task.top, model=served.name, version=served.version)


def _preprocessing(job: Job, served: ServedModel) -> Preprocessing:
    """Return how pictures are prepared: as the manifest of the version says, else the recipe."""
    place = f"{served.name}/{served.version}"
    record = served.record
    published = record and preprocessing(record.content.get("preprocessing"), where=place)
    told = preprocessing_record(job.recipe) if job.recipe else None
    recipe = preprocessing(told, where="dataset")
    if published and recipe and published != recipe:
        console.err.print(
            f"[yellow]preprocessing:[/] the recipe's is another than that of {place}, which is used"
        )
    if not (published or recipe):
        raise SpecError(
            "no manifest says how its pictures are prepared, and no recipe is given",
            where=place,
            remedy="name the recipe that it was built from, model=NAME, or with repository.path the"
            " repository that it is served from",
        )
    return published or recipe or Preprocessing()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asking:
    """A model that is asked about pictures."""

    served: ServedModel
    task: PredictTask
    how: Preprocessing
    classifier: Classifier

    def predictions(self, meant: Sequence[Source]) -> tuple[Prediction, ...]:
        """Return what each picture shows, in their order."""
        answers: list[Answer | str] = []
        with warnings.catch_warnings(), console.counting("pictures") as count:
            # Pillow refuses what is twice as large by itself.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            for group in self._read(meant):
                answers += self._answers(group)
                count(len(answers), len(meant))
        are_probabilities = scores.are_probabilities(
            [answer for answer in answers if not isinstance(answer, str)]
        )
        return tuple(
            self._prediction(source, answer, are_probabilities=are_probabilities)
            for source, answer in zip(meant, answers, strict=True)
        )

    def _read(
        self, meant: Sequence[Source]
    ) -> Iterator[list[NDArray[np.uint8] | UnreadableImageError]]:
        """Yield the pixels of a request's pictures at a time; threads read ahead."""
        step = self.classifier.rows
        groups = (meant[start : start + step] for start in range(0, len(meant), step))
        with closing(in_threads(self._pixels, groups, workers=os.cpu_count() or 1)) as found:
            yield from found

    def _pixels(self, source: Source) -> NDArray[np.uint8] | UnreadableImageError:
        try:
            image = opened(source, timeout_s=self.task.asked.timeout_s)
            return pixels(image, self.classifier.shape, self.how)
        except UnreadableImageError as error:
            return error

    def _answers(
        self, group: Sequence[NDArray[np.uint8] | UnreadableImageError]
    ) -> list[Answer | str]:
        """Return the answer about each picture, or why there is none; one request for a size."""
        found: list[Answer | str] = [
            str(one) if isinstance(one, UnreadableImageError) else "" for one in group
        ]
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for place, one in enumerate(group):
            if not isinstance(one, UnreadableImageError):
                by_shape.setdefault(one.shape, []).append(place)
        for places in by_shape.values():
            rows = np.stack([np.asarray(group[place]) for place in places])
            for place, answer in zip(places, self._ask(rows), strict=False):
                found[place] = answer
        return found

    def _ask(self, images: NDArray[np.uint8]) -> list[Answer]:
        tensor = self.classifier.tensor(values(images, self.how))
        texts = self._texts(tensor)
        rows = len(tensor) if self.classifier.has_batch_axis else 1
        return scores.answers(texts, rows=rows, is_batched=self.classifier.is_batched)

    def _texts(self, tensor: NDArray[np.generic]) -> list[str]:
        """Ask, again where nobody answers."""
        served, asked, model = self.served, self.task.asked, self.classifier
        tries = again(UnavailableError, tries=asked.retries + 1, of=Retrying)
        with served.refusals_told():
            answers = tries(
                served.client.classify,
                WIRES[asked.protocol],
                served.name,
                served.version,
                {model.input: tensor},
                {model.output: model.class_count},
            )
        return answers[model.output]

    def _prediction(
        self, source: Source, answer: Answer | str, *, are_probabilities: bool
    ) -> Prediction:
        if isinstance(answer, str):
            return Prediction(file=source.name, error=answer)
        classes = scores.classes(answer, top=self.task.top, are_probabilities=are_probabilities)
        return Prediction(file=source.name, classes=classes, error="" if classes else NO_NUMBERS)
