"""Proof 2: recipe, artifact and config agree; what the recipe leaves out follows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from packager.errors import ProofError, SpecError
from packager.export.dtypes import DATA_TYPES, TORCH_DTYPES
from packager.model_config.parse import parse
from packager.proof.as_configured import require_config
from packager.proof.devices import require_portable
from packager.proof.inputs import IMAGE_TYPES, require_image_input, require_mapped
from packager.proof.positions import require_order
from packager.proof.result import Proof
from packager.proof.signature import argument_names, require_tensors_returned
from packager.proof.trials import Trial, further_trials, trials
from packager.spec.tensors import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from packager.proof.probing import Shape
    from packager.spec.recipe import Recipe


def derive_inputs(recipe: Recipe, *, sample_shape: Shape | None) -> Recipe:
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


def derive_outputs(recipe: Recipe, artifact: torch.jit.ScriptModule) -> Recipe:
    """Return the recipe with its outputs: its own, or the artifact's as `output0`, `output1`...

    A dimension that follows one of the inputs that vary is -1.

    Raises:
        ProofError: the artifact gives something else than tensors.
    """
    if recipe.outputs:
        return recipe
    runs = _tried(recipe, artifact)
    outputs = tuple(
        TensorSpec(
            name=f"output{index}",
            data_type=DATA_TYPES[output.dtype],
            dims=_common([run.sample_shape(index) for run in runs], index),
        )
        for index, output in enumerate(runs[0].outputs)
    )
    return dataclasses.replace(recipe, outputs=outputs)


def prove(recipe: Recipe, artifact: torch.jit.ScriptModule, *, config: str) -> Proof:
    """Compare recipe, artifact and `config`, the text of `config.pbtxt`, each with the others.

    Raises:
        ProofError: number, order, type, rank or size of an input or output differ, a dimension of
            -1 has one size only, a device is written into the artifact, or labels do not fit.
    """
    compare(recipe, artifact)
    require_config(parse(config), artifact, recipe)
    return Proof(
        name="contract",
        finding=f"{_words(recipe.inputs)} -> {_words(recipe.outputs)}, as the artifact and"
        " config.pbtxt have them",
    )


def compare(recipe: Recipe, artifact: torch.jit.ScriptModule) -> None:
    """Compare recipe and artifact: what needs no config, and can be known before training.

    Raises:
        ProofError: as `prove` does.
    """
    runs = _tried(recipe, artifact)
    for run in runs:
        _prove_outputs(recipe, run)
    _require_varying(recipe, artifact, runs)
    _require_labels(recipe, runs[0])


def fits(shape: Shape, dims: Shape) -> bool:
    """Return whether a tensor of `shape` may be declared as `dims`, -1 being any size."""
    return len(shape) == len(dims) and all(
        size in (actual, -1) for actual, size in zip(shape, dims, strict=True)
    )


def _tried(recipe: Recipe, artifact: torch.jit.ScriptModule) -> list[Trial]:
    """Return what the artifact gives, once its signature is known to be one for libtorch."""
    arguments = argument_names(artifact)
    if len(arguments) != len(recipe.inputs):
        raise ProofError(
            f"forward() takes {len(arguments)} inputs, the recipe names {len(recipe.inputs)}",
            where="inputs",
            remedy=f"name each: {', '.join(arguments)}",
        )
    require_order(recipe, arguments)
    require_tensors_returned(artifact)
    require_portable(artifact, recipe.serving.instance_kinds)
    return trials(recipe, artifact)


def _prove_outputs(recipe: Recipe, run: Trial) -> None:
    if len(run.outputs) != len(recipe.outputs):
        raise ProofError(
            f"the artifact gives {len(run.outputs)} outputs, the recipe names"
            f" {len(recipe.outputs)}",
            where="outputs",
            remedy="name each output, or leave outputs out",
        )
    for index, (tensor, output) in enumerate(zip(recipe.outputs, run.outputs, strict=True)):
        shape = run.sample_shape(index)
        if TORCH_DTYPES.get(tensor.data_type) is not output.dtype:
            raise ProofError(
                f"is {tensor.data_type.value}; the artifact gives {output.dtype}",
                where=f"outputs[{index}].data_type",
                remedy="correct it, or leave outputs out",
            )
        if not fits(shape, tensor.dims):
            raise ProofError(
                f"is {list(tensor.dims)}; the artifact gives {list(shape)}",
                where=f"outputs[{index}].dims",
                remedy="correct it, or leave outputs out",
            )


def _require_varying(
    recipe: Recipe, artifact: torch.jit.ScriptModule, runs: Sequence[Trial]
) -> None:
    """Check that an output's dims of -1 do vary; an axis that may be empty follows from values."""
    open_axes = [
        (index, axis)
        for index, tensor in enumerate(recipe.outputs)
        for axis, size in enumerate(tensor.dims)
        if size == -1
    ]
    if not open_axes:
        return
    more = [*runs, *further_trials(recipe, artifact)]
    for index, axis in open_axes:
        found = {run.sample_shape(index)[axis] for run in more}
        if len(found) == 1 and found != {0}:
            (size,) = found
            raise ProofError(
                f"is -1, any size, and the artifact gives {size} whatever it is asked",
                where=f"outputs[{index}].dims[{axis}]",
                remedy=f"set {size}, or leave outputs out",
            )


def _require_labels(recipe: Recipe, run: Trial) -> None:
    """Check that a model's one output has a score a class, where the data have classes."""
    classes = len(recipe.classes)
    if not classes or len(run.outputs) != 1 or not run.outputs[0].is_floating_point():
        return
    shape = run.sample_shape(0)
    if shape[-1:] != (classes,):
        raise ProofError(
            f"the artifact gives {list(shape)}; the dataset has {classes} classes, a label each",
            where="outputs[0].dims",
            remedy=f"package a model with {classes} scores, correct dataset.classes, or choose"
            " dataset=none for one that gives no scores",
        )


def _common(shapes: Sequence[Shape], index: int) -> Shape:
    """Return one output's dims over all runs: -1 where they differ."""
    if len({len(shape) for shape in shapes}) > 1:
        raise ProofError(
            f"output {index} has another rank for other inputs",
            where="outputs",
            remedy="return the same rank whatever the inputs' sizes",
        )
    return tuple(found[0] if len(set(found)) == 1 else -1 for found in zip(*shapes, strict=True))


def _words(tensors: Sequence[TensorSpec]) -> str:
    return ", ".join(
        f"{tensor.name} {tensor.data_type.value} {list(tensor.dims)}" for tensor in tensors
    )
