"""Proof 3: the artifact runs at every batch size allowed, each row on its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from packager.errors import ProofError, UnavailableError
from packager.export.existing import training_operators
from packager.proof.asking import FAILURES, answers, told
from packager.proof.closeness import Closeness, closeness
from packager.proof.dependence import SMALL, Cause, answers_of_kept, cause_of, changes
from packager.proof.result import Proof
from packager.proof.samples import repeated, request_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.proof.samples import Rows
    from packager.spec.serving import ServingSpec

ALONE = 8
"""Rows of each batch that are also asked alone."""

COPIES = 3
"""Of a batch at one time: as it is, changed, and the module's own."""


def require_memory(serving: ServingSpec, *, bytes_per_row: int) -> None:
    """Check that the largest batch can be tried on this machine at all.

    Raises:
        UnavailableError: it needs more than the memory that is free.
    """
    needed = serving.max_batch_size * bytes_per_row
    free = _free_bytes()
    if needed > free:
        raise UnavailableError(
            f"a batch of {serving.max_batch_size:,} needs about {needed / 1e9:,.1f} GB, and"
            f" {free / 1e9:,.1f} GB are free: it cannot be proven here",
            where="serving.max_batch_size",
            remedy="lower it, or build where there is more memory",
        )


def _free_bytes() -> int:
    """Return the memory that the kernel can give without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return sys.maxsize


def prove(artifact: torch.jit.ScriptModule, rows: Rows, serving: ServingSpec) -> Proof:
    """Run rows [N, ...] of every input in batches of every size, and each batch changed.

    A row's answer must stay when its batch is asked in reverse or shuffled, when its neighbours
    become zeros or other rows, and when the row is asked alone.

    Raises:
        ProofError: a batch size fails, an output has not one row for each of the batch's, or a
            row depends on its neighbours, its place or the batch's size; the message says on which.
        UnavailableError: the inputs of the largest batch are more than the memory that is free.
    """
    sizes = [size for size in request_sizes(serving) if size is not None]
    if not sizes:
        return Proof(name="batching", finding="no batch dimension, by the recipe")
    row_bytes = sum(tensor[0].nbytes for tensor in rows)
    require_memory(serving, bytes_per_row=COPIES * row_bytes)
    worst = 0.0
    for size in sizes:
        batch = repeated(rows, size)
        try:
            for compared in _compared(artifact, batch, serving):
                worst = max(worst, compared.relative_error)
                if not compared.same:
                    cause = _cause(artifact, rows, sizes, size)
                    raise _dependent(cause, artifact, serving, compared)
        except FAILURES as error:
            raise ProofError(
                f"the artifact fails on a batch of {size}: {told(error)}",
                where=_key(serving),
                remedy="lower serving.max_batch_size, or choose serving=unbatched with the"
                " batch_dim that it takes",
            ) from error
    return Proof(
        name="batching",
        finding=f"batches of {', '.join(map(str, sizes))}: rows independent of order, neighbours"
        " and number",
        measured={"relative_error": worst},
    )


def _compared(
    artifact: torch.jit.ScriptModule, batch: Rows, serving: ServingSpec
) -> Iterator[Closeness]:
    """Yield how far a batch's answers are from those of the same rows in changed batches."""
    together = answers(artifact, batch)
    _require_rows(together, batch, serving)
    for change in changes(len(batch[0])):
        yield closeness(answers_of_kept(artifact, batch, change), change.expected(together))
    if len(batch[0]) == 1 or 1 not in request_sizes(serving):
        return
    single = [
        answers(artifact, tuple(tensor[index : index + 1] for tensor in batch))
        for index in range(min(ALONE, len(batch[0])))
    ]
    alone = tuple(torch.cat(output) for output in zip(*single, strict=True))
    yield closeness(tuple(output[:ALONE] for output in together), alone)


def _cause(artifact: torch.jit.ScriptModule, rows: Rows, sizes: Sequence[int], size: int) -> Cause:
    """Return what rows depend on, by a batch of three or more where it can be asked.

    Of two rows nobody can tell whether the other or any other counts.
    """
    small = max((other for other in sizes if other <= SMALL), default=size)
    try:
        return cause_of(artifact, repeated(rows, max(size, small)))
    except FAILURES:
        return cause_of(artifact, repeated(rows, size))


def _dependent(
    cause: Cause, artifact: torch.jit.ScriptModule, serving: ServingSpec, found: Closeness
) -> ProofError:
    """Return the error about rows that are not independent, with what they depend on."""
    if cause is Cause.chance:
        return ProofError(
            f"the artifact gives another answer when it is asked the same again ({found})",
            where="architecture",
            remedy="take what is random out of forward(), such as dropout that is left on, and"
            " what is kept from one call to the next",
        )
    operators = sorted(training_operators(artifact))
    using = f"; in training mode: {', '.join(operators)}" if operators else ""
    return ProofError(
        f"an answer depends on {cause.value} ({found}{using})",
        where=_key(serving),
        remedy=_remedy(serving),
    )


def _require_rows(outputs: Rows, batch: Rows, serving: ServingSpec) -> None:
    """Check that the first dimension of every output is the batch's."""
    size = len(batch[0])
    for index, output in enumerate(outputs):
        if output.shape[:1] != (size,):
            raise ProofError(
                f"the artifact gives {list(output.shape)} for a batch of {size}; its first"
                " dimension must be the batch's",
                where=f"outputs[{index}]",
                remedy=_remedy(serving),
            )


def _key(serving: ServingSpec) -> str:
    return "serving.max_batch_size" if serving.max_batch_size > 0 else "serving.batch_dim"


def _remedy(serving: ServingSpec) -> str:
    if serving.max_batch_size > 0:
        return (
            "remove what mixes rows from the module, or choose serving=unbatched"
            " serving.batch_dim=null and give every dimension in dims"
        )
    return "set serving.batch_dim=null, and give every dimension in dims"
