"""Points of several costs, none of which is to be paid for another: who is better than whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Point = tuple[float, ...]
    """Costs: of each the lower is better."""


def ranks(points: Sequence[Point]) -> list[int]:
    """Return the front that each point is on; `points` come in their order as tuples.

    1 is the Pareto front, the points that none is better than; 2 the front of the others, and so
    on. Only those before a point in that order can be better than it.
    """
    found: list[int] = []
    for index, point in enumerate(points):
        better = (found[other] for other in range(index) if is_better(points[other], than=point))
        found.append(1 + max(better, default=0))
    return found


def is_better(point: Point, *, than: Point) -> bool:
    """Say whether a point costs less in one thing and more in none."""
    return point != than and all(ours <= theirs for ours, theirs in zip(point, than, strict=True))
