"""Which sizes an artifact takes, found by trying: only to say what to correct."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Shape = tuple[int, ...]
Place = tuple[int, int]
"""A tensor's index, and which of its dims."""

PROBED = (*range(1, 129), 144, 160, 192, 224, 240, 256, 299, 300, 320, 384, 416, 448, 480, 512, 640)
"""Sizes that are tried: all small ones, and those that images usually have."""

PROBING_S = 10.0
"""How long one search may last."""


def only_size(takes: Callable[[int], bool]) -> int | None:
    """Return the one size that is taken; None where none is, or more than one."""
    until = time.monotonic() + PROBING_S
    taken = (size for size in PROBED if time.monotonic() < until and takes(size))
    first = list(islice(taken, 2))
    return first[0] if len(first) == 1 else None


def only_size_of_axis(
    dims: Sequence[Shape], takes: Callable[[tuple[Shape, ...]], bool]
) -> tuple[int, int, int] | None:
    """Return the first dimension of -1 that takes one size only: which tensor, its axis, the size.

    All are tried at one size together first: those that may only vary together are not fixed.
    """
    axes = [
        (index, axis)
        for index, shape in enumerate(dims)
        for axis, size in enumerate(shape)
        if size == -1
    ]

    def takes_sizes(given: dict[Place, int]) -> bool:
        return takes(
            tuple(
                tuple(given.get((index, axis), size) for axis, size in enumerate(shape))
                for index, shape in enumerate(dims)
            )
        )

    def only_size_at(places: list[Place], others: dict[Place, int]) -> int | None:
        return only_size(lambda size: takes_sizes(others | dict.fromkeys(places, size)))

    together = only_size_at(axes, {}) if axes else None
    if together is None:
        return None
    for place in axes:
        alone = only_size_at([place], dict.fromkeys(axes, together))
        if alone is not None:
            return *place, alone
    return None
