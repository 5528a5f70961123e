"""Closeness: the two measures, on numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from packager.proof.closeness import (
    FLOAT32_TOLERANCE,
    TOP1_AGREEMENT,
    relative_error,
    top1_agreement,
)

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


def test_agreement_counts_rows_of_the_same_class() -> None:
    """Whatever the scores are."""
    found = torch.tensor([[1.0, 2.0], [2.0, 1.0], [0.0, 9.0], [5.0, 4.0]])
    expected = torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 2.0], [9.0, 8.0]])
    assert top1_agreement(found, expected) == 0.75
