"""Which images train, and which choose the best epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from packager.errors import SpecError
from packager.spec.training import Selection, TrainerSpec

if TYPE_CHECKING:
    from packager.datasets.load import Dataset
    from packager.datasets.samples import Samples


def split(dataset: Dataset, spec: TrainerSpec) -> tuple[Samples, Samples]:
    """Return the images to train on, and those that choose the best epoch.

    `selection: validation` holds some of the training images back; `selection: test` chooses on
    the test set itself.

    Raises:
        SpecError: too few images for the validation fraction.
    """
    if spec.selection is Selection.test:
        return dataset.train, dataset.test
    count = len(dataset.train.labels)
    held_out = max(1, round(count * spec.validation_fraction))
    if held_out >= count:
        raise SpecError(
            f"leaves nothing of {count} images to train on",
            where="trainer.validation_fraction",
            remedy="take a smaller part",
        )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(spec.seed))
    return dataset.train.part(order[held_out:]), dataset.train.part(order[:held_out])
