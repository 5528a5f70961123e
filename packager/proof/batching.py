"""Proof 3: the artifact runs at batch sizes from one to the largest, each row on its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from packager.errors import ProofError, UnavailableError
from packager.export.existing import training_operators
from packager.proof.asking import FAILURES, answers, told
from packager.proof.closeness import Closeness, closeness, of_itself
from packager.proof.dependence import SMALL, Cause, answers_of_kept, cause_of, changes
from packager.proof.promise import require_promised
from packager.proof.result import Proof
from packager.proof.samples import Rows, further_sizes, repeated, request_sizes
from packager.spec.recipe import DEFAULT_FORM, ExportForm
from packager.spec.serving import ServingSpec
from packager.spec.tensors import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

ALONE = 8
"""Rows of each batch that are also asked alone."""

FURTHER_S = 4.0
"""What trying more sizes than one, two, an odd one and the largest may add."""

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


def prove(
    artifact: torch.jit.ScriptModule,
    rows: Rows,
    serving: ServingSpec,
    *,
    outputs: Sequence[TensorSpec] = (),
    form: ExportForm = DEFAULT_FORM,
) -> Proof:
    """Run rows [N, ...] of every input in batches of many sizes, and each batch changed.

    A row's answer must stay when its batch is asked in reverse or shuffled, when its neighbours
    become zeros or other rows, and when the row is asked alone, as far as the artifact's `form` can
    tell. Answers are held to `outputs`.

    Raises:
        ProofError: a batch size fails, an output has not one row for each of the batch's or is not
            as promised, or a row depends on its neighbours, its place or the batch's size; the
            message says on which.
        UnavailableError: the inputs of the largest batch are more than the memory that is free.
    """
    sizes = [size for size in request_sizes(serving) if size is not None]
    if not sizes:
        return _without_batch(artifact, rows, serving, least=of_itself(form))
    row_bytes = sum(tensor[0].nbytes for tensor in rows)
    require_memory(serving, bytes_per_row=COPIES * row_bytes)
    asked = _Asked(artifact, rows, serving, outputs, of_itself(form))
    worst = max(asked.tried(size) for size in sizes)
    done, complete = list(sizes), True
    until = time.monotonic() + FURTHER_S
    further = further_sizes(serving)
    for size in further:
        if time.monotonic() + asked.seconds_at(size) > until:
            complete = False
            continue
        asked.tried(size)
        done.append(size)
    left_out = "" if complete else f" (other sizes left out: more than {FURTHER_S:.0f} s)"
    return Proof(
        name="batching",
        finding=f"batches of {_spans(sorted(sizes))}{' and sizes between' if further else ''}:"
        " rows independent of order, neighbours and number",
        # How far it comes is a matter of time, and so not for the manifest.
        timing=f"sizes that ran: {_spans(sorted(done))}{left_out}",
        measured={"relative_error": worst},
    )


def _without_batch(
    artifact: torch.jit.ScriptModule, rows: Rows, serving: ServingSpec, *, least: float
) -> Proof:
    """Ask the first samples one by one, and the same again from the last to the first."""
    samples = [tuple(tensor[index] for tensor in rows) for index in range(min(ALONE, len(rows[0])))]
    try:
        once = [answers(artifact, sample) for sample in samples]
        again = [answers(artifact, sample) for sample in reversed(samples)]
    except FAILURES as error:
        raise ProofError(
            f"the artifact fails on a sample: {told(error)}",
            where="inputs",
            remedy="correct inputs, or the module",
        ) from error
    for first, second in zip(once, reversed(again), strict=True):
        compared = closeness(second, first, least=least)
        if not compared.same:
            raise _dependent(Cause.chance, artifact, serving, compared, 1)
    return Proof(
        name="batching",
        finding="no batch dimension, by the recipe; asked again, samples get the same answers",
    )


@dataclass(slots=True)
class _Asked:
    """An artifact that is asked batch by batch, and how long the largest one took."""

    artifact: torch.jit.ScriptModule
    rows: Rows
    serving: ServingSpec
    outputs: Sequence[TensorSpec]
    least: float
    largest: int = 0
    seconds: float = 0.0

    def seconds_at(self, size: int) -> float:
        """Return about how long a batch of that size will take, by the largest so far."""
        return self.seconds * size / max(1, self.largest)

    def tried(self, size: int) -> float:
        """Ask a batch of that size, and changed; return the largest relative error."""
        started, worst = time.monotonic(), 0.0
        try:
            for compared in self._compared(repeated(self.rows, size)):
                worst = max(worst, compared.relative_error)
                if not compared.same:
                    cause = self._cause(size)
                    raise _dependent(cause, self.artifact, self.serving, compared, size)
        except FAILURES as error:
            raise ProofError(
                f"the artifact fails on a batch of {size}: {told(error)}",
                where=_key(self.serving),
                remedy="lower serving.max_batch_size, or choose serving=unbatched with the"
                " batch_dim that it takes",
            ) from error
        if size > self.largest:
            self.largest, self.seconds = size, time.monotonic() - started
        return worst

    def _compared(self, batch: Rows) -> Iterator[Closeness]:
        """Yield how far a batch's answers are from those of the same rows in changed batches."""
        together = answers(self.artifact, batch)
        _require_rows(together, batch, self.serving)
        asked = f"the rows of a batch of {len(batch[0])}"
        require_promised(self.outputs, together, asked=asked)
        for change in changes(len(batch[0])):
            found = answers_of_kept(self.artifact, batch, change)
            yield closeness(found, change.expected(together), least=self.least)
        if len(batch[0]) > 1 and 1 in request_sizes(self.serving):
            yield self._closeness_alone(batch, together)

    def _closeness_alone(self, batch: Rows, together: Rows) -> Closeness:
        """Return how far the first rows' answers are from those that they have when asked alone."""
        single = [
            answers(self.artifact, tuple(tensor[index : index + 1] for tensor in batch))
            for index in range(min(ALONE, len(batch[0])))
        ]
        alone = tuple(torch.cat(output) for output in zip(*single, strict=True))
        return closeness(tuple(output[:ALONE] for output in together), alone, least=self.least)

    def _cause(self, size: int) -> Cause:
        """Return what rows depend on, by a batch of three or more where it can be asked.

        Of two rows nobody can tell whether the other or any other counts.
        """
        sizes = [other for other in request_sizes(self.serving) if other is not None]
        small = max((other for other in sizes if other <= SMALL), default=size)
        enough = size if size > 2 else max(size, small)
        try:
            return cause_of(self.artifact, repeated(self.rows, enough), least=self.least)
        except FAILURES:
            return cause_of(self.artifact, repeated(self.rows, size), least=self.least)


def _spans(sizes: Sequence[int]) -> str:
    """Return numbers in words, those that follow each other as "1-9"."""
    spans = [
        [size for _, size in group]
        for _, group in groupby(enumerate(sizes), key=lambda pair: pair[1] - pair[0])
    ]
    parts = [
        f"{span[0]}-{span[-1]}" if len(span) > 2 else ", ".join(map(str, span)) for span in spans
    ]
    return ", ".join(parts)


def _dependent(
    cause: Cause,
    artifact: torch.jit.ScriptModule,
    serving: ServingSpec,
    found: Closeness,
    size: int,
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
        f"an answer depends on {cause.value} (batch of {size}: {found}{using})",
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
