"""A module's answers, asked directly or as the server will ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from packager.proof.samples import each, is_stacked, repeated, typical_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from packager.proof.samples import Answers, Rows
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


def as_served(module: Callable[..., Any], rows: Rows, serving: ServingSpec) -> Answers:
    """Return every output for all rows [N, ...], in calls of a size that Triton would make.

    At most `max_batch_size` rows; exactly `batch_dim` of them; or, without a batch axis, one
    sample at a time.
    """
    if serving.max_batch_size == 0 and serving.batch_dim is None:
        samples = [answers(module, sample) for sample in each(rows)]
        return joined([tuple(output[None] for output in sample) for sample in samples])
    count = len(rows[0])
    size = _largest_call(serving)
    whole = repeated(rows, -(-count // size) * size) if _is_fixed(serving) else rows
    calls = zip(*(torch.split(tensor, size) for tensor in whole), strict=True)
    parts = [answers(module, part) for part in calls]
    return tuple(output[:count] for output in joined(parts))


def joined(parts: Sequence[Answers]) -> Answers:
    """Return the answers of all parts as one: stacked where all rows are alike, else row by row."""
    return tuple(_joined(output) for output in zip(*parts, strict=True))


def _joined(
    parts: Sequence[torch.Tensor | tuple[torch.Tensor, ...]],
) -> torch.Tensor | tuple[torch.Tensor, ...]:
    tensors = [part for part in parts if isinstance(part, torch.Tensor)]
    kinds = {(part.dtype, part.shape[1:]) for part in tensors}
    if len(tensors) == len(parts) and len(kinds) == 1 and all(part.dim() for part in tensors):
        return torch.cat(tensors)
    return tuple(row for part in parts for row in part)


def comparable(found: Answers, expected: Answers) -> Iterator[tuple[Rows, Rows]]:
    """Yield both as they can be compared: at once, or row by row where rows are not alike."""
    if is_stacked(found) and is_stacked(expected):
        yield like(found, expected), expected
        return
    if {len(output) for output in found} != {len(output) for output in expected}:
        yield (), tuple(output for row in each(expected) for output in row)
        return
    for ours, theirs in zip(each(found), each(expected), strict=True):
        yield as_rows(like(ours, theirs)), as_rows(theirs)


def as_rows(sample: Rows) -> Rows:
    """Return one sample's tensors as a batch of one."""
    return tuple(tensor[None] for tensor in sample)


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
