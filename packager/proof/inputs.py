"""What a recipe's inputs and outputs must be, as far as it can be told without torch."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.server.backends.pytorch.libtorch_contract import MAPPED_TYPES
from packager.spec.recipe import Pixels
from packager.spec.tensors import DataType, TensorSpec

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe

IMAGE_TYPES = {Pixels.float32: DataType.FP32, Pixels.uint8: DataType.UINT8}
"""The data type of the images that clients send."""

VARIABLE_SIZES = (32, 64, 96)
"""What dimensions of -1 are tried with; generated inputs have the first."""


def sizes(tensor: TensorSpec, *, variable: int = VARIABLE_SIZES[0]) -> tuple[int, ...]:
    """Return a tensor's dims with a size for each that varies."""
    return tuple(variable if size == -1 else size for size in tensor.dims)


def require_mapped(recipe: Recipe) -> None:
    """Check that Triton's libtorch has every data type.

    Raises:
        SpecError: it has not.
    """
    for side in ("inputs", "outputs"):
        tensors: tuple[TensorSpec, ...] = getattr(recipe, side)
        for index, tensor in enumerate(tensors):
            if tensor.data_type.config_name not in MAPPED_TYPES:
                raise SpecError(
                    f"is {tensor.data_type.value}, which no tensor of Triton's libtorch can be",
                    where=f"{side}[{index}].data_type",
                    remedy="use one of "
                    + ", ".join(name.removeprefix("TYPE_") for name in MAPPED_TYPES),
                )


def require_image_input(recipe: Recipe) -> None:
    """Check that inputs, where the recipe gives them, are one image in the type of its pixels.

    Raises:
        SpecError: they are something else.
    """
    if len(recipe.inputs) > 1:
        raise SpecError(
            f"{len(recipe.inputs)} are given, and a dataset of images feeds one",
            where="inputs",
            remedy="give one, or choose dataset=none trainer=none",
        )
    expected = IMAGE_TYPES[recipe.export.pixels]
    if recipe.inputs and recipe.inputs[0].data_type is not expected:
        other = next(pixels for pixels in Pixels if pixels is not recipe.export.pixels)
        raise SpecError(
            f"is {recipe.inputs[0].data_type.value}; images are sent as {expected.value}",
            where="inputs[0].data_type",
            remedy=f"set {expected.value}, or choose export={other.value}_pixels",
        )


def derive_inputs(recipe: Recipe, *, sample_shape: tuple[int, ...] | None) -> Recipe:
    """Return the recipe with its inputs: its own, checked, or one of the dataset's shape.

    `sample_shape` is one image's (channels, height, width), None where there is no dataset.

    Raises:
        SpecError: the inputs given do not fit the dataset's images, or have types that libtorch
            lacks.
    """
    require_mapped(recipe)
    if sample_shape is None:
        return recipe
    require_image_input(recipe)
    if not recipe.inputs:
        data_type = IMAGE_TYPES[recipe.export.pixels]
        tensor = TensorSpec(name="input0", data_type=data_type, dims=sample_shape)
        return dataclasses.replace(recipe, inputs=(tensor,))
    if not fits(sample_shape, recipe.inputs[0].dims):
        raise SpecError(
            f"is {list(recipe.inputs[0].dims)}; one image of the dataset is {list(sample_shape)}",
            where="inputs[0].dims",
            remedy="set the image's [channels, height, width], or leave inputs out",
        )
    return recipe


def fits(shape: tuple[int, ...], dims: tuple[int, ...]) -> bool:
    """Return whether a tensor of `shape` may be declared as `dims`, -1 being any size."""
    return len(shape) == len(dims) and all(
        size in (actual, -1) for actual, size in zip(shape, dims, strict=True)
    )
