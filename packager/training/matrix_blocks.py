"""Weights as matrices in blocks of rows, for optimizers that work on matrices."""

from __future__ import annotations

import math

import torch
from torch import nn

ROWS = 64
"""Rows of a block. Muon's cost grows with the square of them: a whole 1024 x 1250 matrix takes
eight times as long as its blocks. Whether it would learn better was not measured."""


def hidden_matrices(module: nn.Module) -> list[nn.Parameter]:
    """Return the trainable weights of two dimensions and more, but the first and the last.

    Source: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024).
    """
    weights = [one for one in module.parameters() if one.requires_grad and one.dim() > 1]
    return weights[1:-1]


class MatrixBlocks:
    """Blocks of rows that share their memory with the weights they are of."""

    def __init__(self, weights: list[nn.Parameter]) -> None:
        self._weights = weights
        self.blocks = [
            nn.Parameter(block)
            for weight in weights
            for block in torch.split(_rows(weight.detach()), ROWS)
        ]

    def share_gradients(self) -> None:
        """Let the blocks have the gradients of their weights."""
        blocks = iter(self.blocks)
        for weight in self._weights:
            if weight.grad is None:
                gradients: tuple[torch.Tensor | None, ...] = (None,) * math.ceil(
                    weight.shape[0] / ROWS
                )
            else:
                gradients = torch.split(_rows(weight.grad), ROWS)
            for gradient in gradients:
                next(blocks).grad = gradient


def _rows(weight: torch.Tensor) -> torch.Tensor:
    """Return [out, in, ...] as a matrix [out, in * ...]: the same memory, channels last or not."""
    strides = weight.stride()
    order = sorted(range(1, weight.dim()), key=lambda axis: -strides[axis])
    return weight.permute(0, *order).flatten(1)
