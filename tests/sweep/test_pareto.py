"""Which points no other is better than."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from packager.sweep.pareto import is_better, ranks

POINTS = st.lists(st.tuples(*[st.integers(0, 4).map(float)] * 3), max_size=12).map(sorted)


@given(POINTS)
def test_a_point_is_on_the_first_front_that_has_none_better(
    points: list[tuple[float, ...]],
) -> None:
    """Fronts taken away one after the other, as they are defined."""
    found, left, front = dict(enumerate(ranks(points))), set(range(len(points))), 0
    while left:
        front += 1
        best = {
            one
            for one in left
            if not any(is_better(points[other], than=points[one]) for other in left)
        }
        assert {one for one in left if found[one] == front} == best
        left -= best


def test_of_equal_points_none_is_better() -> None:
    """Both are on the front."""
    assert ranks([(1.0, 2.0), (1.0, 2.0), (2.0, 1.0)]) == [1, 1, 1]
