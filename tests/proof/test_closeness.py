"""Closeness: the two measures, on numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from packager.proof.closeness import Closeness, closeness, relative_error, tolerance
from packager.proof.tolerances import FLOAT32_TOLERANCE, TOP1_AGREEMENT

NAN, INF = math.nan, math.inf


def test_the_tolerances_are_the_promised_ones() -> None:
    """Never looser by default."""
    assert FLOAT32_TOLERANCE <= 1e-4
    assert TOP1_AGREEMENT >= 0.999


@pytest.mark.parametrize(
    ("found", "expected", "error"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([1.0, 3.0], [1.0, 4.0], 0.25),
        ([1.5, -4.0], [1.0, -4.0], 0.125),
        ([0.5], [0.0], 0.5),
        ([0.0], [0.0], 0.0),
        ([NAN, 1.0], [0.0, 1.0], INF),
        ([0.0, 1.0], [NAN, 1.0], INF),
        ([1.0], [1.0, 1.0], INF),
    ],
)
def test_the_error_is_relative_to_the_largest_answer(
    found: list[float], expected: list[float], error: float
) -> None:
    """Infinite where shapes or NaNs differ."""
    assert relative_error(torch.tensor(found), torch.tensor(expected)) == error


@pytest.mark.parametrize(
    ("found", "expected"),
    [([INF, 1.0], [3.0, 1.0]), ([3.0], [INF]), ([-INF], [INF]), ([INF, 1.0], [INF, 2.0])],
)
def test_an_infinite_answer_hides_no_difference(found: list[float], expected: list[float]) -> None:
    """Neither its own nor another's."""
    assert relative_error(torch.tensor(found), torch.tensor(expected)) > FLOAT32_TOLERANCE


def test_the_difference_is_taken_in_double_precision() -> None:
    """Half precision would round it away or overflow."""
    found, expected = torch.tensor([60000.0]).half(), torch.tensor([-60000.0]).half()
    assert relative_error(found, expected) == pytest.approx(2.0)


def test_the_error_of_many_batches_is_that_of_all_together() -> None:
    """Not the worst batch's: a batch of small answers has small errors too."""
    both = Closeness()
    both.add((torch.tensor([100.0]),), (torch.tensor([100.0]),))
    both.add((torch.tensor([0.011]),), (torch.tensor([0.010]),))
    assert both.relative_error == pytest.approx(1e-5)
    assert both.same


def test_every_output_counts_for_itself() -> None:
    """A large one does not hide a small one's error."""
    large, small = torch.tensor([1e6]), torch.tensor([1.0])
    close = closeness((large, small * 1.01), (large, small))
    assert close.relative_error == pytest.approx(0.01)
    assert not close.same


def test_whole_numbers_are_equal_or_not() -> None:
    """One in a thousand may differ, for ties."""
    expected = torch.arange(2000)
    found = expected.clone()
    found[:2] += 1
    assert closeness((found,), (expected,)).agreement == 0.999
    assert closeness((found,), (expected,)).same
    found[2] += 1
    assert not closeness((found,), (expected,)).same


@pytest.mark.parametrize(
    "found",
    [
        (torch.ones(3),),
        (torch.ones(3), torch.ones(3, dtype=torch.int32)),
        (torch.ones(3), torch.ones(1, 3, dtype=torch.int64)),
        (torch.ones(3).double(), torch.ones(3, dtype=torch.int64)),
        (torch.ones(3, dtype=torch.int64), torch.ones(3)),
    ],
)
def test_another_number_type_or_shape_is_another_answer(found: tuple[torch.Tensor, ...]) -> None:
    """Equal values do not help."""
    expected = (torch.ones(3), torch.ones(3, dtype=torch.int64))
    assert closeness(expected, expected).same
    assert not closeness(found, expected).same


def test_half_precision_may_be_off_by_its_own_rounding() -> None:
    """Float32's tolerance is below it; double has float32's."""
    assert FLOAT32_TOLERANCE < tolerance(torch.float16) < 0.002
    assert tolerance(torch.float64) == tolerance(torch.float32) == FLOAT32_TOLERANCE


def test_no_column_of_integers_is_lost_among_many() -> None:
    """One row in a thousand may differ in each, or one row; never more of all than before."""
    expected = torch.zeros(2000, 3000, dtype=torch.int64)
    found = expected.clone()
    found[:2, 5] = 1
    assert closeness((found,), (expected,)).same
    found[2, 5] = 1
    close = closeness((found,), (expected,))
    assert close.agreement > TOP1_AGREEMENT
    assert not close.same
    assert str(close).endswith("one column of integers differs in 3 of 2000 rows")
    assert not closeness((torch.ones(5, 1).long(),), (torch.zeros(5, 1).long(),)).same


def test_columns_are_counted_over_all_batches() -> None:
    """One row of each is not one row."""
    close, expected = Closeness(), torch.zeros(4, 3000, dtype=torch.int64)
    found = expected.clone()
    found[0, 7] = 1
    close.add((found,), (expected,))
    assert close.same
    close.add((found,), (expected,))
    assert not close.same
