"""Layer list to `torch.nn.Module`, with input sizes inferred and every step's shape known."""

from __future__ import annotations

import difflib
import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from packager.errors import SpecError

if TYPE_CHECKING:
    from packager.architectures.summary import LayerSummary
    from packager.spec.architecture import LayerSpec, LayersSpec

MODULES = (
    "activation",
    "batchnorm",
    "channelshuffle",
    "conv",
    "dropout",
    "flatten",
    "instancenorm",
    "linear",
    "normalization",
    "padding",
    "pixelshuffle",
    "pooling",
    "upsampling",
)
"""The parts of `torch.nn.modules` whose layers take one tensor and give one tensor."""

NOT_FROM_TENSOR_TO_TENSOR = {"Bilinear", "MultiheadAttention", "SyncBatchNorm"}

BAD_ARGUMENTS = (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError, AssertionError)
"""What torch raises on arguments or shapes that it cannot use."""

INPUT_SIZES: dict[str, Callable[[tuple[int, ...]], object]] = {
    "in_channels": lambda batch_shape: batch_shape[1],
    "num_features": lambda batch_shape: batch_shape[1],
    "num_channels": lambda batch_shape: batch_shape[1],
    "in_features": lambda batch_shape: batch_shape[-1],
    "normalized_shape": lambda batch_shape: list(batch_shape[1:]),
}
"""Layers' arguments that follow from the shape of their input."""

TRIED_SIZES = (32, 48)
"""What a size that varies is tried with."""


class GlobalAvgPool2d(nn.Module):
    """Mean over height and width: [N, C, H, W] to [N, C]."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:  # noqa: D102  see the class
        return images.mean(dim=(2, 3))


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedLayer:
    """A layer with all its arguments, and what one sample becomes behind it."""

    name: str
    arguments: Mapping[str, object]
    output_shape: tuple[int, ...]
    parameters: int


def layers() -> dict[str, type[nn.Module]]:
    """Return every layer that a recipe may name."""
    found: dict[str, type[nn.Module]] = {"GlobalAvgPool2d": GlobalAvgPool2d}
    for name in dir(nn):
        kind = getattr(nn, name)
        if (
            inspect.isclass(kind)
            and issubclass(kind, nn.Module)
            and kind.__module__.rpartition(".")[2] in MODULES
            and not name.startswith(("Lazy", "MaxUnpool"))
            and name not in NOT_FROM_TENSOR_TO_TENSOR
        ):
            found[name] = kind
    return found


def build_sequential(spec: LayersSpec, *, sample_shape: tuple[int, ...]) -> nn.Sequential:
    """Return the module for inputs of `sample_shape` (one sample's, without the batch; -1 varies).

    Initial weights come from torch's generator, so that the seed set before decides them.

    Raises:
        SpecError: an unknown layer or argument, or a layer that does not fit its input.
    """
    available = layers()
    placed, *others = (place(spec, sample_shape=shape) for shape in _fixed(sample_shape))
    for other in others:
        _require_same(placed, other, sample_shape)
    return nn.Sequential(*(available[layer.name](**layer.arguments) for layer in placed))


def place(spec: LayersSpec, *, sample_shape: tuple[int, ...]) -> list[PlacedLayer]:
    """Follow one sample's shape through the layers, inferring the sizes left out.

    Nothing is computed: the modules are torch's meta ones.

    Raises:
        SpecError: as `build_sequential`.
    """
    placed = []
    shape = sample_shape
    for index, layer in enumerate(spec.layers):
        where = f"architecture.layers[{index}]"
        arguments, module = _on_meta(layer, (2, *shape), where=where)
        shape = _output_shape(module, layer.name, shape, where=where)
        parameters = sum(parameter.numel() for parameter in module.parameters())
        placed.append(
            PlacedLayer(
                name=layer.name, arguments=arguments, output_shape=shape, parameters=parameters
            )
        )
    return placed


def peak_bytes(
    steps: Sequence[PlacedLayer] | Sequence[LayerSummary], *, sample_shape: tuple[int, ...]
) -> int:
    """Return the float32 bytes that one sample needs at the widest layer: its input and output."""
    sizes = [math.prod(shape) for shape in (sample_shape, *(step.output_shape for step in steps))]
    return 4 * max(before + after for before, after in itertools.pairwise(sizes))


def _fixed(sample_shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return shapes without -1: two, where some size varies."""
    if -1 not in sample_shape:
        return [sample_shape]
    return [tuple(tried if size == -1 else size for size in sample_shape) for tried in TRIED_SIZES]


def _require_same(
    placed: Sequence[PlacedLayer], other: Sequence[PlacedLayer], sample_shape: tuple[int, ...]
) -> None:
    """Check that no layer's own size follows from an input's size that varies."""
    for index, (one, two) in enumerate(zip(placed, other, strict=True)):
        if one.arguments != two.arguments:
            raise SpecError(
                f"the size of {one.name} follows from inputs {list(sample_shape)}, of which -1"
                " varies",
                where=f"architecture.layers[{index}]",
                remedy="give the input fixed dims, or put GlobalAvgPool2d before this layer",
            )


def _on_meta(
    layer: LayerSpec, batch_shape: tuple[int, ...], *, where: str
) -> tuple[dict[str, object], nn.Module]:
    kind = _kind(layer.name, where=where)
    known = {
        key: parameter
        for key, parameter in inspect.signature(kind).parameters.items()
        if key not in {"device", "dtype"}
    }
    unknown = sorted(set(layer.arguments) - set(known))
    if unknown:
        raise SpecError(
            f"{layer.name} has no argument '{unknown[0]}'",
            where=where,
            remedy=f"its arguments are {', '.join(known)}",
        )
    try:
        arguments = _with_input_sizes(layer, known, batch_shape, where=where)
        with torch.device("meta"):
            return arguments, kind(**arguments)
    except BAD_ARGUMENTS as error:
        raise SpecError(
            f"{layer.name} cannot be made: {_first_line(error)}",
            where=where,
            remedy=f"its arguments are {', '.join(known)}",
        ) from error


def _kind(name: str, *, where: str) -> type[nn.Module]:
    available = layers()
    if name in available:
        return available[name]
    close = difflib.get_close_matches(name, available, n=3)
    raise SpecError(
        f"there is no layer '{name}'",
        where=where,
        remedy=f"write {' or '.join(close)}" if close else f"the layers are {', '.join(available)}",
    )


def _with_input_sizes(
    layer: LayerSpec,
    known: Mapping[str, inspect.Parameter],
    batch_shape: tuple[int, ...],
    *,
    where: str,
) -> dict[str, object]:
    """Return the layer's arguments, those that follow from its input added or checked."""
    arguments = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in layer.arguments.items()
    }
    for key in sorted(INPUT_SIZES.keys() & known.keys()):
        if known[key].default is not inspect.Parameter.empty:
            continue
        if key not in arguments:
            arguments[key] = INPUT_SIZES[key](batch_shape)
        elif key != "normalized_shape" and arguments[key] != INPUT_SIZES[key](batch_shape):
            raise SpecError(
                f"{layer.name}.{key} is {arguments[key]}, but its input has"
                f" {INPUT_SIZES[key](batch_shape)} (shape {list(batch_shape[1:])})",
                where=where,
                remedy=f"leave {key} out: it follows from the layers before",
            )
    return arguments


def _output_shape(
    module: nn.Module, name: str, shape: tuple[int, ...], *, where: str
) -> tuple[int, ...]:
    # What has no weights is really run: torch checks more than on its meta device, and it is quick.
    device = "meta" if module.state_dict() else "cpu"
    try:
        with torch.no_grad():
            output = module.eval()(torch.zeros(2, *shape, device=device))
    except BAD_ARGUMENTS as error:
        raise SpecError(
            f"{name} does not fit its input of shape {list(shape)}: {_first_line(error)}",
            where=where,
            remedy="change the layer, the ones before it, or the dims of the input",
        ) from error
    if isinstance(output, torch.Tensor) and 0 in output.shape:
        raise SpecError(
            f"{name} gives an empty output of shape {list(output.shape[1:])}",
            where=where,
            remedy="give it a positive size",
        )
    if not isinstance(output, torch.Tensor) or output.shape[:1] != (2,):
        raise SpecError(
            f"{name} does not keep the batch dimension first",
            where=where,
            remedy="choose arguments that leave dimension 0 alone",
        )
    return tuple(output.shape[1:])


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")
