"""The data stage: what is known of a dataset once it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.stages.output import Output

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
        }
    )
