"""Small modules, right and wrong, and their way to an artifact read back from disk."""

# ruff: noqa: D102 - each class says what its forward does

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from packager.export.torchscript import export, load
from packager.spec.recipe import ExportForm

if TYPE_CHECKING:
    from pathlib import Path


FORMS = tuple(form for form in ExportForm if form is not ExportForm.auto)
EXACT = tuple(form for form in FORMS if form is not ExportForm.bfloat16)
"""Those that compute what the module computes."""


def artifact(
    module: nn.Module, folder: Path, *, form: ExportForm = ExportForm.none
) -> torch.jit.ScriptModule:
    """Export a module and load what was written."""
    export(module, form=form, path=folder / "model.pt")
    return load(folder / "model.pt")


class Scores(nn.Module):
    """Ten numbers for each image."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, 300:310]


class Flexible(nn.Module):
    """Ten scores of the input's own type, for images of 28 x 28."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, 784)[:, 300:310]


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


class Minus(nn.Module):
    """Two tensors whose order shows, and two outputs."""

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        return left - right, left + right


class Lookup(nn.Module):
    """Weighs rows of a table by an index and by floats; also gives the index back."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.table = nn.Embedding(2, 3)

    def forward(self, index: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        return self.table(index).sum(1) * weights, index.sum(1)


class Doubled(nn.Module):
    """Any type and shape, doubled."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2


class Pixels(nn.Module):
    """Takes raw pixels, and prepares them itself."""

    def forward(self, x: Tensor) -> Tensor:
        return (x.float() / 255).flatten(1)[:, 300:310]


class WithOptional(nn.Module):
    """Takes something that may be no tensor."""

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        return x if bias is None else x + bias


class Listed(nn.Module):
    """A list of tensors, which libtorch does not return."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x.flatten(1)[:, :10]]


class Only32(nn.Module):
    """Takes sequences of 32 and no other."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.size(0), 32) * 2


class ThisSample(nn.Module):
    """Takes one sample of four numbers, without a batch axis."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(2, 2).softmax(0)


class Counted(nn.Module):
    """The row's place in its batch: whole numbers that depend on the neighbours."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.arange(x.size(0))[:, None] + (x > 0).long()


class NoForward(nn.Module):
    """Exports another method than forward."""

    @torch.jit.export
    def answer(self, x: Tensor) -> Tensor:
        return x


class Sevens(nn.Module):
    """Takes seven rows and no other number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(7, 4) * 2


class MinusSwapped(nn.Module):
    """As `Minus`, its outputs in the other order."""

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        return left + right, left - right


class Inverse(nn.Module):
    """Infinite at nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return 1 / x


class InPlace(nn.Module):
    """Doubles its own input."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2)


class Types(nn.Module):
    """A truth, raw pixels, one number a sample and a sequence, each changed in its own way."""

    def forward(
        self, truth: Tensor, pixels: Tensor, number: Tensor, sequence: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return truth.logical_not(), pixels + 1, number * 2, sequence.double() * 3
