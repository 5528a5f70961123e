"""The data stage: what is known of a dataset once it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.datasets.samples import first
from packager.datasets.transforms import to_input
from packager.model_config.warmup import MOST_BYTES
from packager.spec.recipe import Pixels
from packager.stages.output import Output
from packager.stages.walk import SAMPLE

if TYPE_CHECKING:
    from packager.datasets.load import Dataset
    from packager.spec.dataset import DatasetSpec


def data_output(spec: DatasetSpec, dataset: Dataset) -> Output:
    """Return what later stages and the manifest need to know, without the images."""
    train, test = len(dataset.train.labels), len(dataset.test.labels)
    finding = f"{spec.name} from {dataset.source}: {train:,} training and {test:,} test images"
    if dataset.skipped:
        finding += f"; unreadable images left out: {dataset.skipped:,}"
    return Output(
        value={
            "finding": finding,
            "classes": list(dataset.classes),
            "shape": list(dataset.train.shape),
            "source": dataset.source,
            "digest": dataset.digest,
            "subset": dataset.subset,
            "skipped_images": dataset.skipped,
            "train_images": train,
            "test_images": test,
        },
        files=_samples(spec, dataset) if test else {},
    )


def _samples(spec: DatasetSpec, dataset: Dataset) -> dict[str, bytes]:
    """Return the first test image as clients send it in each kind of pixels, raw."""
    images = first(dataset.test, 1).images
    prepared = {Pixels.uint8: images, Pixels.float32: to_input(images, spec.normalize)}
    raw = {kind: rows[0].contiguous().numpy().tobytes() for kind, rows in prepared.items()}
    return {
        SAMPLE.format(kind.value): content
        for kind, content in raw.items()
        if len(content) <= MOST_BYTES
    }
