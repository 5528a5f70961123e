"""When two answers are the same: the tolerances, in one place."""

from __future__ import annotations

import torch

FLOAT32_TOLERANCE = 1e-4
"""Largest allowed absolute error as a part of the largest absolute answer."""

TOP1_AGREEMENT = 0.999
"""Least part of the images that must keep their class: near ties may fall either way."""


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return max|found - expected| / max|expected| over the finite answers.

    It is infinite where shapes differ, or NaN and infinities are not in the same places.
    """
    if found.shape != expected.shape:
        return float("inf")
    found, expected = found.double(), expected.double()
    finite = expected.isfinite()
    if not torch.equal(
        found.nan_to_num(nan=0.0, posinf=1.0, neginf=-1.0)[~finite],
        expected.nan_to_num(nan=0.0, posinf=1.0, neginf=-1.0)[~finite],
    ) or not torch.equal(found.isfinite(), finite):
        return float("inf")
    if not finite.any():
        return 0.0
    error = (found - expected)[finite].abs().max().item()
    scale = expected[finite].abs().max().item()
    return error / scale if scale else error


def top1_agreement(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the part of rows [N, classes] with the same highest score, in [0, 1]."""
    return (found.argmax(dim=-1) == expected.argmax(dim=-1)).float().mean().item()
