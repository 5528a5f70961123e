"""How held-out images become the tensors that a served model is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from packager.datasets.transforms import to_float

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.serving import ServingSpec


def request_sizes(serving: ServingSpec) -> tuple[int | None, ...]:
    """Return the batch sizes to try: 1, 2, an odd one and the largest; None is no batch axis."""
    if serving.max_batch_size > 0:
        largest = serving.max_batch_size
        return tuple(sorted({1, min(2, largest), min(5, largest), largest}))
    if serving.batch_dim == -1:
        return (1, 2, 5)
    return (serving.batch_dim,)


def typical_size(serving: ServingSpec) -> int | None:
    """Return a batch size that every request may have."""
    if serving.max_batch_size > 0:
        return min(32, serving.max_batch_size)
    return 32 if serving.batch_dim == -1 else serving.batch_dim


def requests(images: torch.Tensor, size: int | None) -> Iterator[torch.Tensor]:
    """Split uint8 images [N, C, H, W] into float32 requests of exactly `size` images.

    Images left over are not sent; with `size` None each request is one image [C, H, W].
    """
    pixels = to_float(images)
    if size is None:
        yield from pixels
    else:
        yield from (batch for batch in torch.split(pixels, size) if len(batch) == size)
