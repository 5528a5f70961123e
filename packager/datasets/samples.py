"""Images with their labels, in memory or read as they are needed: what `load` gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

Batch = tuple[torch.Tensor, torch.Tensor]
"""Images, uint8 [N, C, H, W], and their labels, int64 [N]."""


class Samples(Protocol):
    """Labelled images of one shape; `labels` are int64 [N], indices into the classes."""

    @property
    def labels(self) -> torch.Tensor:
        """The label of every image."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """One image's (channels, height, width)."""

    def part(self, indices: torch.Tensor) -> Samples:
        """Return those images alone, in that order."""

    def to(self, device: torch.device) -> Samples:
        """Return the same images, given from `device`."""

    def batches(self, orders: Iterable[torch.Tensor]) -> Generator[Batch]:
        """Yield one batch for each tensor of indices."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Split:
    """Images in memory, uint8 [N, C, H, W], and their labels, int64 [N]."""

    images: torch.Tensor
    labels: torch.Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """One image's (channels, height, width)."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def part(self, indices: torch.Tensor) -> Split:
        """Return those images alone, in that order."""
        return Split(images=self.images[indices], labels=self.labels[indices])

    def to(self, device: torch.device) -> Split:
        """Return the same images on `device`."""
        return Split(images=self.images.to(device), labels=self.labels.to(device))

    def batches(self, orders: Iterable[torch.Tensor]) -> Generator[Batch]:
        """Yield one batch for each tensor of indices."""
        for indices in orders:
            chosen = indices.to(self.labels.device)
            yield self.images[chosen], self.labels[chosen]


def in_order(samples: Samples, size: int) -> Iterator[Batch]:
    """Yield all images in their order, `size` at a time."""
    yield from samples.batches(torch.split(torch.arange(len(samples.labels)), size))


def first(samples: Samples, count: int) -> Split:
    """Return the first images in memory, at most `count`."""
    order = torch.arange(min(count, len(samples.labels)))
    images, labels = next(iter(samples.batches([order])))
    return Split(images=images, labels=labels)
