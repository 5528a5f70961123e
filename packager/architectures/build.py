"""From a recipe's architecture to a module with its weights, and what it must answer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from packager.architectures import weights
from packager.architectures.layers import build_sequential
from packager.architectures.module_class import build_module_class
from packager.architectures.telling import with_place
from packager.architectures.torchvision_models import build_torchvision
from packager.errors import SpecError
from packager.spec.architecture import LayersSpec, ModuleClassSpec, TorchvisionSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 2
"""What a module is tried with: training's batch norm cannot do with one."""


def build(
    spec: LayersSpec | TorchvisionSpec | ModuleClassSpec,
    *,
    sample_shape: tuple[int, ...] | None,
    classes: int | None,
) -> nn.Module:
    """Return the module, float32 on the CPU, with the weights that the recipe names.

    `sample_shape` is the one input's without the batch, -1 for a size that varies; None where
    there are several inputs. `classes` is None without data. Initial weights come from torch's
    generator, so that the seed set before decides them.

    Raises:
        SpecError: the module cannot be made, or its weights do not fit.
    """
    module = _made(spec, sample_shape=sample_shape, classes=classes)
    if spec.weights is not None:
        weights.load(module, spec.weights)
    return module


def _made(
    spec: LayersSpec | TorchvisionSpec | ModuleClassSpec,
    *,
    sample_shape: tuple[int, ...] | None,
    classes: int | None,
) -> nn.Module:
    match spec:
        case LayersSpec():
            if sample_shape is None:
                raise SpecError(
                    "a stack of layers takes one",
                    where="inputs",
                    remedy="give one input, with its dims",
                )
            return build_sequential(spec, sample_shape=sample_shape)
        case TorchvisionSpec():
            return build_torchvision(spec, sample_shape=sample_shape, classes=classes)
        case ModuleClassSpec():
            return build_module_class(spec, sample_shape=sample_shape)


def require_scores(
    module: nn.Module, *, sample_shape: tuple[int, ...], classes: int, training: bool = False
) -> None:
    """Check that a module takes float32 samples and gives one score a class, [N, classes].

    With `training` the module must do so in training mode too. It is left as it was: its mode,
    its batch statistics and torch's generator.

    Raises:
        SpecError: it does not.
    """
    for mode in (False, True) if training else (False,):
        with _tried_in_mode(module, training=mode):
            try:
                answer = module(torch.zeros(ROWS, *sample_shape))
            except Exception as error:
                raise SpecError(
                    f"the module does not take a sample of shape {list(sample_shape)}:"
                    f" {with_place(error)}",
                    where="architecture",
                    remedy="change the module, or the images it gets: dataset.resize (small images"
                    " are the usual cause) and dataset.channels",
                ) from error
        _require_answer(module, answer, classes, training=mode)


@contextmanager
def _tried_in_mode(module: nn.Module, *, training: bool) -> Iterator[None]:
    """Run what is inside without gradients; give modes, buffers and the generator back."""
    modes = {part: part.training for part in module.modules()}
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers()} if training else {}
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            module.train(training)
            yield
    finally:
        for part, mode in modes.items():
            part.training = mode
        with torch.no_grad():
            for name, buffer in buffers.items():
                module.get_buffer(name).copy_(buffer)


def _require_answer(module: nn.Module, answer: object, classes: int, *, training: bool) -> None:
    if (
        isinstance(answer, torch.Tensor)
        and answer.shape == (ROWS, classes)
        and answer.is_floating_point()
    ):
        return
    # Only lists of layers become a plain Sequential.
    if type(module) is nn.Sequential and isinstance(answer, torch.Tensor):
        raise SpecError(
            f"the last layer gives {list(answer.shape[1:])}; the data have {classes} classes",
            where=f"architecture.layers[{len(module) - 1}]",
            remedy=f"end with Linear: {{out_features: {classes}}}",
        )
    mode = "in training mode the module" if training else "the module"
    raise SpecError(
        f"{mode} gives {_told(answer)} for {ROWS} samples; the data have {classes} classes, so"
        f" one tensor of floating-point scores [{ROWS}, {classes}] is expected",
        where="architecture",
        remedy=f"set its number of classes in architecture.arguments to {classes}"
        if isinstance(answer, torch.Tensor) and answer.is_floating_point()
        else "let forward() give the scores alone, or package it without data:"
        " dataset=none trainer=none",
    )


def _told(answer: object) -> str:
    match answer:
        case torch.Tensor():
            return f"{answer.dtype} {list(answer.shape)}"
        case tuple() | list():
            return f"a {type(answer).__name__} of {len(answer)}"
        case dict():
            return f"a dict of {', '.join(map(str, answer))}"
        case _:
            return f"a {type(answer).__name__}"
