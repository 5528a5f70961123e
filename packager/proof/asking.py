"""A module's answers, asked directly or as the server will ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from packager.proof.samples import repeated, typical_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.proof.samples import Rows
    from packager.spec.serving import ServingSpec

FAILURES = (torch.jit.Error, RuntimeError, IndexError, ValueError, TypeError)
"""What a module raises on inputs that it does not take."""


class NoTensorsError(TypeError):
    """A module answered with something that libtorch does not return; `kind` says what."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"it answers with {kind}")
        self.kind = kind


def answers(module: Callable[..., Any], rows: Rows) -> Rows:
    """Return every output of one call.

    The module is given copies: one that works in place must not change what others are asked.

    Raises:
        NoTensorsError: the answer is no tensor and no tuple of them.
    """
    with torch.inference_mode():
        answer = module(*(tensor.clone() for tensor in rows))
    outputs = answer if isinstance(answer, tuple) else (answer,)
    for output in outputs:
        if not isinstance(output, torch.Tensor):
            raise NoTensorsError(type(output).__name__)
    return outputs


def as_served(module: Callable[..., Any], rows: Rows, serving: ServingSpec) -> Rows:
    """Return every output for all rows [N, ...], in calls of a size that Triton would make.

    At most `max_batch_size` rows; exactly `batch_dim` of them; or, without a batch axis, one
    sample, whose answers are stacked.
    """
    if serving.max_batch_size == 0 and serving.batch_dim is None:
        samples = [answers(module, sample) for sample in zip(*rows, strict=True)]
        return tuple(torch.stack(output) for output in zip(*samples, strict=True))
    count = len(rows[0])
    size = _largest_call(serving)
    whole = repeated(rows, -(-count // size) * size) if _is_fixed(serving) else rows
    calls = zip(*(torch.split(tensor, size) for tensor in whole), strict=True)
    parts = [answers(module, part) for part in calls]
    return tuple(torch.cat(output)[:count] for output in zip(*parts, strict=True))


def like(found: Rows, expected: Rows) -> Rows:
    """Return what was found in the shapes expected, where they differ in axes of one only.

    A module trained on batches gives [classes] for a sample that, served without a batch axis,
    gives [1, classes].
    """
    if len(found) != len(expected):
        return found
    return tuple(
        ours.reshape(theirs.shape) if _without_ones(ours) == _without_ones(theirs) else ours
        for ours, theirs in zip(found, expected, strict=True)
    )


def told(error: Exception) -> str:
    """Return the last line of a module's error: torch puts the cause there."""
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def _without_ones(tensor: torch.Tensor) -> list[int]:
    return [size for size in tensor.shape if size != 1]


def _largest_call(serving: ServingSpec) -> int:
    """Return the most rows that one call has; where Triton has no limit, as many as we send."""
    return serving.max_batch_size or typical_size(serving) or 1


def _is_fixed(serving: ServingSpec) -> bool:
    return serving.max_batch_size == 0 and (serving.batch_dim or -1) > 0
