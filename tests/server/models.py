"""Tiny modules whose answers show what the server did with their tensors."""

# ruff: noqa: D102 - each class says what its forward does

from __future__ import annotations

import torch
from torch import Tensor, nn


class Scores(nn.Module):
    """Four features to three scores."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.layer(x))


class Half(nn.Module):
    """Stays in the input's data type."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 3 + 1


class Minus(nn.Module):
    """Two arguments whose order shows."""

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        return left - right, left + right


class Total(nn.Module):
    """A scalar for the whole batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum()


class Image(nn.Module):
    """One number for each 28 x 28 image."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).mean(1, keepdim=True)


class Scaled(nn.Module):
    """Takes something that is no tensor."""

    def forward(self, x: Tensor, factor: int = 2) -> Tensor:
        return x * factor


class WithOptional(nn.Module):
    """Takes something that may be no tensor."""

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return x if bias is None else x + bias


class Named(nn.Module):
    """Takes its tensors in a dictionary."""

    def forward(self, tensors: dict[str, Tensor]) -> Tensor:
        return tensors["a"] * 10 + tensors["b"]


class Rows(nn.Module):
    """Says beside its answer how many rows it saw at once."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x * 2, torch.full((x.size(0), 1), float(x.size(0)))


class Lookup(nn.Module):
    """Fails on an index past its table, and says how many rows it saw."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.arange(5.0)[x], torch.full((x.size(0), 1), float(x.size(0)))


class Kept(nn.Module):
    """Answers with memory of its own, over which the next call writes; takes no negative number."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = nn.Parameter(torch.zeros(8, 1), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        assert bool((x >= 0).all())
        rows = self.kept[: x.size(0)]
        rows.copy_(x)
        return rows


class OnlyOne(nn.Module):
    """Works for one row and for no other number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(1, 4) * 2


class Averaged(nn.Module):
    """Loses the batch: one row for any number of them."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(0, keepdim=True)


class Shout(nn.Module):
    """Strings in, strings out."""

    def forward(self, texts: list[str]) -> list[str]:
        return [text.upper() for text in texts]
