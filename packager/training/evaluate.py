"""Answers of a module on images, and how many of them are right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from packager.datasets.samples import in_order
from packager.datasets.transforms import to_float

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.datasets.samples import Samples

BATCH_SIZE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """How a module's classes compare with the labels.

    `confusion[i][j]` counts the images of class i that were taken for class j.
    """

    confusion: tuple[tuple[int, ...], ...]

    @property
    def accuracy(self) -> float:
        """The part of all images whose highest score is their label's, in [0, 1]."""
        right = sum(row[label] for label, row in enumerate(self.confusion))
        return right / sum(map(sum, self.confusion))

    @property
    def class_accuracies(self) -> tuple[float | None, ...]:
        """Each class's part of images taken for it, in [0, 1]; None where there are none."""
        return tuple(
            row[label] / sum(row) if sum(row) else None for label, row in enumerate(self.confusion)
        )


def answers(module: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """Return the answers of a module in evaluation mode."""
    with torch.inference_mode():
        found: torch.Tensor = module(inputs)
    return found


def evaluate(
    module: nn.Module,
    samples: Samples,
    prepare: Callable[[torch.Tensor], torch.Tensor] = to_float,
) -> Evaluation:
    """Compare a module's classes with the labels of all images, in evaluation mode.

    `prepare` turns uint8 images [N, C, H, W] into the module's input.
    """
    module.eval()
    counts: torch.Tensor | None = None
    for images, labels in in_order(samples, BATCH_SIZE):
        scores = answers(module, prepare(images))
        classes = scores.shape[1]
        pairs = labels * classes + scores.argmax(dim=1)
        found = torch.bincount(pairs, minlength=classes * classes)
        counts = found if counts is None else counts + found
    if counts is None:
        return Evaluation(confusion=())
    return Evaluation(confusion=tuple(map(tuple, counts.view(classes, classes).tolist())))
