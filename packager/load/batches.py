"""Samples as the requests that a served model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from packager.errors import SpecError
from packager.load.closed_loop import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.load.sender import Array, Arrays
    from packager.model_metadata import TensorMetadata

USUAL_MOST = 128
"""Samples of a request where nothing else is asked for, if the model takes so many."""


def batch_size(tensor: TensorMetadata, *, max_batch_size: int, asked: int | None, rank: int) -> int:
    """Return how many samples of `rank` axes a request may have, as asked or as many as may be.

    Raises:
        SpecError: the model does not take so many.
    """
    most = most_samples(tensor, max_batch_size=max_batch_size, rank=rank)
    if asked is not None and most is not None and asked > most:
        raise SpecError(
            f"is {asked}, and the model takes at most {most} at once",
            where="task.batch",
            remedy=f"give {most} or less",
        )
    return asked or min(most or USUAL_MOST, USUAL_MOST)


def most_samples(tensor: TensorMetadata, *, max_batch_size: int, rank: int) -> int | None:
    """Return how many samples of `rank` axes the model takes at once; None for any number."""
    if max_batch_size > 0:
        return max_batch_size
    if len(tensor.dims) == rank:
        return 1
    return None if tensor.dims[0] == -1 else tensor.dims[0]


def batches(samples: Arrays, inputs: Sequence[TensorMetadata], *, size: int) -> Iterator[Request]:
    """Yield requests of `size` samples each of every input's [N, ...].

    `place` is the index of the first. The last has what is left. A model with a batch of fixed
    size gets that many even so: samples are repeated. One without a batch axis gets one sample
    without it.
    """
    count = len(samples[inputs[0].name])
    for start in range(0, count, size):
        taken = range(start, min(start + size, count))
        yield Request(
            inputs={one.name: _sent(samples[one.name], one, taken) for one in inputs},
            samples=len(taken),
            place=start,
        )


def rows_of(output: Array, request: Request) -> Array:
    """Return an output's rows of a request's own samples, [N, ...] whatever the model's axes."""
    sent = next(iter(request.inputs.values()))
    has_axis = request.samples > 1 or (output.ndim > 1 and len(output) == len(sent))
    return output[: request.samples] if has_axis else output[None]


def _sent(samples: Array, tensor: TensorMetadata, taken: range) -> Array:
    if len(tensor.dims) == samples.ndim - 1:
        return np.ascontiguousarray(samples[taken.start])
    rows = tensor.dims[0] if tensor.dims[0] > 0 else len(taken)
    places = (taken.start + np.arange(rows)) % len(samples)
    return np.ascontiguousarray(samples[places])
