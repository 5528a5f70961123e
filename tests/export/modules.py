"""Modules that TorchScript does not compile, each for a reason of its own."""

# ruff: noqa: D102 - each class says what its forward does

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Tries(nn.Module):
    """Catches an exception."""

    def forward(self, x: Tensor) -> Tensor:
        try:
            return x * 2
        except ValueError:
            return x


class HasLambda(nn.Module):
    """Calls a function that has no source of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.function: Any = lambda x: x * 2

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


class Variadic(nn.Module):
    """Takes any number of tensors."""

    def forward(self, *tensors: Tensor) -> Tensor:
        return tensors[0]


class ViaNumpy(nn.Module):
    """Leaves torch."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(x.numpy() * 2)


UNCOMPILABLE: list[type[nn.Module]] = [Tries, HasLambda, Variadic, ViaNumpy]


def without_source() -> nn.Module:
    """Return a module whose class is in no file."""
    namespace: dict[str, Any] = {"nn": nn}
    exec("class Made(nn.Module):\n    def forward(self, x):\n        return x\n", namespace)  # noqa: S102
    made: nn.Module = namespace["Made"]()
    return made
