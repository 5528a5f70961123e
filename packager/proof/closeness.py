"""When two answers are the same: the tolerances, in one place."""

from __future__ import annotations

import torch

FLOAT32_TOLERANCE = 1e-4
"""Largest allowed absolute error as a part of the largest absolute answer."""

TOP1_AGREEMENT = 0.999
"""Least part of the images that must keep their class: near ties may fall either way."""


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return max|found - expected| / max|expected|; infinite where shapes or NaNs differ."""
    if found.shape != expected.shape or not torch.equal(found.isnan(), expected.isnan()):
        return float("inf")
    found, expected = found.double().nan_to_num(), expected.double().nan_to_num()
    error = (found - expected).abs().max().item()
    scale = expected.abs().max().item()
    return error / scale if scale else error


def top1_agreement(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the part of rows [N, classes] with the same highest score, in [0, 1]."""
    return (found.argmax(dim=-1) == expected.argmax(dim=-1)).float().mean().item()
