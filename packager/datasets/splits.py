"""Which images are for training and which for testing."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

import torch

from packager.errors import SpecError

HOLD_OUT_EVERY = 5
"""Data without a test set give every fifth image of each class."""


class Labelled(Protocol):
    """Images, in memory or only listed, with their labels, int64 [N]."""

    @property
    def labels(self) -> torch.Tensor:
        """The label of every image."""

    def part(self, indices: torch.Tensor) -> Self:
        """Return those images alone, in that order."""


Kind = TypeVar("Kind", bound=Labelled)


def hold_out(samples: Kind) -> tuple[Kind, Kind]:
    """Split off every fifth image of each class; which ones depends on their order alone.

    Raises:
        SpecError: no class has five images.
    """
    labels = samples.labels
    held = torch.zeros(len(labels), dtype=torch.bool)
    order = torch.argsort(labels, stable=True)
    counts = torch.unique_consecutive(labels[order], return_counts=True)[1]
    for same in torch.split(order, counts.tolist()):
        held[same[HOLD_OUT_EVERY - 1 :: HOLD_OUT_EVERY]] = True
    if not held.any():
        raise SpecError(
            f"no class has {HOLD_OUT_EVERY} images, so none can be held out as test",
            where="dataset.sources",
            remedy="add images, or a test set",
        )
    return samples.part(torch.nonzero(~held)[:, 0]), samples.part(torch.nonzero(held)[:, 0])


def thin(samples: Kind, limit: int | None) -> Kind:
    """Keep `limit` evenly spaced images, so that data sorted by class stay balanced."""
    count = len(samples.labels)
    if limit is None or limit >= count:
        return samples
    return samples.part(torch.arange(limit) * count // limit)
