"""Proof 2: recipe and artifact agree on inputs and outputs; what the recipe leaves out follows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch

from packager.errors import ProofError, SpecError
from packager.export.dtypes import DATA_TYPES, TORCH_DTYPES
from packager.proof.asking import FAILURES, NoTensorsError, answers, told
from packager.proof.inputs import (
    IMAGE_TYPES,
    VARIABLE_SIZES,
    require_image_input,
    require_mapped,
    sizes,
)
from packager.proof.positions import require_order
from packager.proof.result import Proof
from packager.proof.samples import Rows, request_sizes
from packager.spec.tensors import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.spec.recipe import Recipe

Shape = tuple[int, ...]


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
    _prove_arguments(recipe, artifact)
    runs = _runs(recipe, artifact)
    outputs = tuple(
        TensorSpec(
            name=f"output{index}",
            data_type=DATA_TYPES[tensors[0].dtype],
            dims=_common([_sample_shape(recipe, tensor) for tensor in tensors], index),
        )
        for index, tensors in enumerate(zip(*runs, strict=True))
    )
    return dataclasses.replace(recipe, outputs=outputs)


def prove(recipe: Recipe, artifact: torch.jit.ScriptModule) -> Proof:
    """Compare the recipe's inputs and outputs with what the artifact takes and gives.

    Raises:
        ProofError: number, order, type, rank or size of an input or output differ.
    """
    _prove_arguments(recipe, artifact)
    for outputs in _runs(recipe, artifact):
        _prove_outputs(recipe, outputs)
    return Proof(
        name="contract",
        finding=f"{_words(recipe.inputs)} -> {_words(recipe.outputs)}, as the artifact has them",
    )


def fits(shape: Shape, dims: Shape) -> bool:
    """Return whether a tensor of `shape` may be declared as `dims`, -1 being any size."""
    return len(shape) == len(dims) and all(
        size in (actual, -1) for actual, size in zip(shape, dims, strict=True)
    )


def _prove_outputs(recipe: Recipe, outputs: Rows) -> None:
    if len(outputs) != len(recipe.outputs):
        raise ProofError(
            f"the artifact gives {len(outputs)} outputs, the recipe names {len(recipe.outputs)}",
            where="outputs",
            remedy="name each output, or leave outputs out",
        )
    for index, (tensor, output) in enumerate(zip(recipe.outputs, outputs, strict=True)):
        shape = _sample_shape(recipe, output)
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


def _prove_arguments(recipe: Recipe, artifact: torch.jit.ScriptModule) -> None:
    arguments = _schema(artifact).arguments[1:]
    for argument in arguments:
        if argument.type.kind() != "TensorType":
            raise ProofError(
                f"forward() takes '{argument.name}' of type {argument.type}",
                where="architecture",
                remedy="Triton's libtorch passes a tensor for each argument, and no defaults:"
                " take tensors only",
            )
    if len(arguments) != len(recipe.inputs):
        raise ProofError(
            f"forward() takes {len(arguments)} inputs, the recipe names {len(recipe.inputs)}",
            where="inputs",
            remedy=f"name each: {', '.join(argument.name for argument in arguments)}",
        )
    require_order(recipe, [argument.name for argument in arguments])


def _schema(artifact: torch.jit.ScriptModule) -> Any:
    """Return forward()'s signature: the module itself, then its arguments."""
    try:
        return artifact._c._get_method("forward").schema  # noqa: SLF001  torch has no public way
    except RuntimeError as error:
        raise ProofError(
            "the TorchScript file has no forward()",
            where="architecture",
            remedy="save a module that has one",
        ) from error


def _runs(recipe: Recipe, artifact: torch.jit.ScriptModule) -> list[Rows]:
    """Run the artifact on zeros, twice where dimensions vary; return its outputs."""
    varies = any(-1 in tensor.dims for tensor in recipe.inputs)
    return [_run(recipe, artifact, size) for size in VARIABLE_SIZES[: 2 if varies else 1]]


def _run(recipe: Recipe, artifact: torch.jit.ScriptModule, variable: int) -> Rows:
    batch = _batch_size(recipe)
    first = () if batch is None else (batch,)
    shapes = [(*first, *sizes(tensor, variable=variable)) for tensor in recipe.inputs]
    dtypes = [TORCH_DTYPES[tensor.data_type] for tensor in recipe.inputs]
    try:
        zeros = tuple(map(_zeros, shapes, dtypes))
        outputs = answers(artifact, zeros)
    except NoTensorsError as error:
        raise _not_returned(error.kind) from error
    except FAILURES as error:
        raise ProofError(
            f"the artifact does not take inputs of {' and '.join(str(list(s)) for s in shapes)}:"
            f" {told(error)}",
            where="inputs",
            remedy="correct dims, or serving.batch_dim",
        ) from error
    for output in outputs:
        if output.dtype not in DATA_TYPES or output.dim() == 0:
            raise _not_returned(f"a tensor of {output.dtype} and rank {output.dim()}")
    return outputs


def _zeros(shape: Shape, dtype: torch.dtype) -> torch.Tensor:
    return torch.zeros(shape, dtype=dtype)


def _not_returned(kind: str) -> ProofError:
    return ProofError(
        f"the artifact gives {kind}; Triton's libtorch returns a tensor, or a tuple of them, of"
        " rank 1 and more, in the types it maps",
        where="outputs",
        remedy="return tensors with the batch dimension first",
    )


def _batch_size(recipe: Recipe) -> int | None:
    """Return the rows that the artifact is tried with: two where that is allowed."""
    return request_sizes(recipe.serving)[:2][-1]


def _sample_shape(recipe: Recipe, output: torch.Tensor) -> Shape:
    return tuple(output.shape if _batch_size(recipe) is None else output.shape[1:])


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
