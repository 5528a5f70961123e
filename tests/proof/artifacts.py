"""Small modules, right and wrong, and their way to an artifact read back from disk."""

# ruff: noqa: D102 - each class says what its forward does

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from packager.export.torchscript import export, load
from packager.spec.recipe import ExportMethod

if TYPE_CHECKING:
    from pathlib import Path


def artifact(
    module: nn.Module, folder: Path, *, method: ExportMethod = ExportMethod.script
) -> torch.jit.ScriptModule:
    """Export a module and load what was written."""
    export(module, method=method, path=folder / "model.pt")
    return load(folder / "model.pt")


class Scores(nn.Module):
    """Ten numbers for each image."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, 300:310]


class Half(nn.Module):
    """Ten numbers in half precision."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, 300:310].half()


class Two(nn.Module):
    """Two outputs."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.flatten(1)[:, :10], x.flatten(1).argmax(1)


class Scalar(nn.Module):
    """One number for the whole batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum()


class Named(nn.Module):
    """A dictionary of outputs."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"scores": x.flatten(1)[:, :10]}


class Number(nn.Module):
    """A number that is no tensor."""

    def forward(self, x: Tensor) -> float:
        return float(x.sum())


class Nothing(nn.Module):
    """No answer at all."""

    def forward(self, x: Tensor) -> None:
        pass


class Complex(nn.Module):
    """A type that libtorch does not map."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.complex(x, x).flatten(1)[:, :10]


class Scaled(nn.Module):
    """Takes a number beside the tensor."""

    def forward(self, x: Tensor, factor: int) -> Tensor:
        return x.flatten(1)[:, :10] * factor


class Pair(nn.Module):
    """Takes two tensors."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x + y).flatten(1)[:, :10]


class Centred(nn.Module):
    """Subtracts the mean of the batch."""

    def forward(self, x: Tensor) -> Tensor:
        scores = x.flatten(1)[:, 300:310]
        return scores - scores.mean(0, keepdim=True)


class Neighbour(nn.Module):
    """Answers with the image before."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, 300:310].roll(1, 0)


class OneAtATime(nn.Module):
    """Takes a batch of one and no other."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(1, 784)[:, 300:310]


class Merged(nn.Module):
    """One row whatever the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, 300:310].mean(0, keepdim=True)


class NotANumber(nn.Module):
    """NaN for one image in many."""

    def forward(self, x: Tensor) -> Tensor:
        scores = x.flatten(1)[:, 300:310]
        scores[7] = float("nan")
        return scores
