"""The rows that the proofs send: held-out images, or generated where a model has no data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeGuard

import torch

from packager.datasets.transforms import to_input
from packager.errors import SpecError
from packager.export.dtypes import TORCH_DTYPES
from packager.proof.inputs import sizes
from packager.spec.recipe import Pixels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.spec.recipe import Recipe
    from packager.spec.serving import ServingSpec
    from packager.spec.tensors import TensorSpec

Rows = tuple[torch.Tensor, ...]
"""One tensor [N, *dims] for each input of the recipe, or each output, in its order."""

Answers = tuple[torch.Tensor | tuple[torch.Tensor, ...], ...]
"""Outputs of N rows: one tensor [N, ...] each, or N tensors where they differ in shape or type."""

GENERATED_BYTES = 2**26
"""What generated inputs may take; at least one row there is."""


def request_sizes(serving: ServingSpec) -> tuple[int | None, ...]:
    """Return the batch sizes to try: 1, 2, an odd one and the largest; None is no batch axis."""
    if serving.max_batch_size > 0:
        largest = serving.max_batch_size
        return tuple(sorted({1, min(2, largest), min(5, largest), largest}))
    if serving.batch_dim == -1:
        return (1, 2, 5)
    return (serving.batch_dim,)


def further_sizes(serving: ServingSpec) -> tuple[int, ...]:
    """Return more batch sizes that Triton may form: the small ones, those about powers of two."""
    if serving.max_batch_size == 0 and serving.batch_dim != -1:
        return ()
    largest = _largest_size(serving)
    powers = [2**exponent for exponent in range(3, largest.bit_length())]
    beside = {size for power in powers for size in (power - 1, power, power + 1)}
    tried = {*range(1, 9), *beside, largest - 1, largest} - set(request_sizes(serving))
    return tuple(sorted(size for size in tried if 0 < size <= largest))


def _largest_size(serving: ServingSpec) -> int:
    """Return the most rows of a batch; without a limit, as many as are sent."""
    return serving.max_batch_size or typical_size(serving) or 1


def typical_size(serving: ServingSpec) -> int | None:
    """Return a batch size that every request may have."""
    if serving.max_batch_size > 0:
        return min(32, serving.max_batch_size)
    return 32 if serving.batch_dim == -1 else serving.batch_dim


def generated(inputs: Sequence[TensorSpec], *, count: int = 256, seed: int = 0) -> Rows:
    """Return rows for a model without data, the same for the same seed.

    Floats are uniform in [0, 1), UINT8 in 0..255 as pixels are, BOOL false or true. Other
    integers are 0 or 1, so that they are indices into any table. Dimensions of -1 are
    `VARIABLE_SIZES[0]`. There are fewer than `count` rows where they would take more than
    `GENERATED_BYTES`.

    Raises:
        SpecError: libtorch has no such data type.
    """
    dtypes = [_dtype(tensor, index) for index, tensor in enumerate(inputs)]
    row_bytes = sum(
        math.prod(sizes(tensor)) * dtype.itemsize
        for tensor, dtype in zip(inputs, dtypes, strict=True)
    )
    rows = max(1, min(count, GENERATED_BYTES // max(1, row_bytes)))
    source = torch.Generator().manual_seed(seed)
    return tuple(
        drawn((rows, *sizes(tensor)), dtype, source)
        for tensor, dtype in zip(inputs, dtypes, strict=True)
    )


def image_rows(images: torch.Tensor, recipe: Recipe) -> Rows:
    """Return images, uint8 [N, C, H, W], as the model's clients send them."""
    if recipe.export.pixels is Pixels.uint8:
        return (images,)
    return (to_input(images, recipe.dataset.normalize if recipe.dataset else None),)


def is_stacked(answers: Answers) -> TypeGuard[Rows]:
    """Return whether every output is one tensor [N, ...]."""
    return all(isinstance(output, torch.Tensor) for output in answers)


def stacked(answers: Answers) -> Rows:
    """Return one tensor [N, ...] each, of rows that are alike."""
    return tuple(
        output if isinstance(output, torch.Tensor) else torch.stack(output) for output in answers
    )


def each(answers: Answers) -> Iterator[Rows]:
    """Yield the outputs of one row after the other, without the rows' axis."""
    yield from zip(*answers, strict=True)


def requests(rows: Rows, size: int) -> Iterator[Rows]:
    """Split rows into requests of exactly `size` of them; those left over are not sent."""
    for start in range(0, len(rows[0]) - size + 1, size):
        yield tuple(tensor[start : start + size] for tensor in rows)


def repeated(rows: Rows, count: int) -> Rows:
    """Return `count` rows: the first ones, begun again where there are fewer."""
    return tuple(tensor[torch.arange(count) % len(tensor)] for tensor in rows)


def drawn(shape: tuple[int, ...], dtype: torch.dtype, source: torch.Generator) -> torch.Tensor:
    """Return one generated tensor; see `generated`."""
    if dtype.is_floating_point:
        return torch.rand(shape, generator=source).to(dtype)
    end = 256 if dtype is torch.uint8 else 2
    return torch.randint(end, shape, generator=source).to(dtype)


def _dtype(tensor: TensorSpec, index: int) -> torch.dtype:
    if tensor.data_type not in TORCH_DTYPES:
        raise SpecError(
            f"is {tensor.data_type.value}, which no tensor of Triton's libtorch can be",
            where=f"inputs[{index}].data_type",
            remedy=f"use one of {', '.join(data_type.value for data_type in TORCH_DTYPES)}",
        )
    return TORCH_DTYPES[tensor.data_type]
