"""What the proofs are asked with: real images, and the batches of a test set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.datasets.samples import first, in_order
from packager.datasets.transforms import to_float

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from packager.datasets.load import Dataset
    from packager.proof.samples import Rows


def image_batch(images: Dataset, count: int) -> torch.Tensor:
    """Return the first test images, uint8 [N, C, H, W]."""
    return first(images.test, count).images


def rows(images: Dataset, count: int = 300) -> Rows:
    """Return the first test images as floats."""
    return (to_float(image_batch(images, count)),)


def labelled(images: Dataset, size: int = 100) -> Iterator[tuple[Rows, torch.Tensor | None]]:
    """Yield the test set batch by batch, as floats, with its labels."""
    for pixels, labels in in_order(images.test, size):
        yield (to_float(pixels),), labels
