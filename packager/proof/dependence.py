"""What a row's answer may depend on beside the row: changed batches that show it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

import torch

from packager.proof.asking import FAILURES, answers
from packager.proof.closeness import closeness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.proof.samples import Rows

SEED = 20
"""Of the order in which a batch is shuffled."""

SMALL = 5
"""Batches up to this size are changed in every way, larger ones in two ways that hold all."""


class Cause(Enum):
    """What makes the answers of a batch differ, as it is told."""

    chance = "chance"
    place = "its place in the batch"
    statistic = (
        "its neighbours in the batch, in whatever order: a mean, maximum or softmax over the"
        " batch, or batch norm in training mode"
    )
    neighbour = "its neighbours in the batch, those before or after it"
    number = "the number of rows in the batch"


class Fill(Enum):
    """What takes the place of every second row."""

    nothing = "nothing"
    zeros = "zeros"
    other_rows = "other rows"


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """A batch in another order [N], with every second row of the result replaced."""

    order: torch.Tensor
    fill: Fill = Fill.nothing

    def kept(self) -> torch.Tensor:
        """Return where rows of the batch are in the changed one."""
        places = torch.arange(len(self.order))
        return places if self.fill is Fill.nothing else places[::2]

    def made(self, batch: Rows) -> Rows:
        """Return the changed batch."""
        return tuple(self._made(tensor) for tensor in batch)

    def expected(self, together: Rows) -> Rows:
        """Return the answers that the rows kept have in the batch as it is."""
        return tuple(output[self.order[self.kept()]] for output in together)

    def _made(self, tensor: torch.Tensor) -> torch.Tensor:
        changed = tensor[self.order]
        if self.fill is Fill.zeros:
            changed[1::2] = 0
        elif self.fill is Fill.other_rows:
            # Some that stand elsewhere: the kept ones, turned round.
            kept = changed[::2].flip(0)
            changed[1::2] = kept[: len(changed[1::2])]
        return changed


def changes(size: int) -> Iterator[Change]:
    """Yield the changes that a batch of that size is tried with."""
    same, shuffled = torch.arange(size), _shuffled(size)
    if size == 1:
        yield Change(same)
    elif size <= SMALL:
        yield from (Change(same), Change(same.flip(0)), Change(shuffled))
        yield from (Change(same, Fill.zeros), Change(same, Fill.other_rows))
    else:
        yield from (Change(same.flip(0), Fill.other_rows), Change(shuffled, Fill.zeros))


def answers_of_kept(artifact: torch.jit.ScriptModule, batch: Rows, change: Change) -> Rows:
    """Return the answers of the rows kept, in the changed batch.

    Rows of zeros may be none that the module takes (lengths): other rows are put there then.
    """
    kept = change.kept()
    try:
        changed = answers(artifact, change.made(batch))
    except FAILURES:
        if change.fill is not Fill.zeros:
            raise
        changed = answers(artifact, replace(change, fill=Fill.other_rows).made(batch))
    return tuple(output[kept] for output in changed)


def cause_of(artifact: torch.jit.ScriptModule, batch: Rows, *, least: float = 0.0) -> Cause:
    """Return what the answers of a batch depend on that they should not, the plainest first.

    Answers are the same within their type's tolerance, or `least`.
    """
    size = len(batch[0])
    same = torch.arange(size)

    def stays(change: Change) -> bool:
        found = answers_of_kept(artifact, batch, change)
        expected = change.expected(answers(artifact, batch))
        return closeness(found, expected, least=least).same

    if not stays(Change(same)):
        return Cause.chance
    copies = tuple(tensor[:1].expand(tensor.shape).contiguous() for tensor in batch)
    alike = answers(artifact, copies)
    first = tuple(output[:1].expand(output.shape) for output in alike)
    if not closeness(alike, first, least=least).same:
        return Cause.place
    if all(stays(Change(same, fill)) for fill in (Fill.zeros, Fill.other_rows)):
        return Cause.number
    in_any_order = stays(Change(same.flip(0))) and stays(Change(_shuffled(size)))
    return Cause.statistic if in_any_order else Cause.neighbour


def _shuffled(size: int) -> torch.Tensor:
    return torch.randperm(size, generator=torch.Generator().manual_seed(SEED))
