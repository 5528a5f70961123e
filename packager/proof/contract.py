"""Proof 2: recipe and artifact agree on inputs and outputs; what the recipe leaves out follows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch

from packager.errors import ProofError, SpecError
from packager.export.dtypes import DATA_TYPES, TORCH_DTYPES
from packager.proof.result import Proof
from packager.proof.samples import request_sizes
from packager.spec.tensors import DataType, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.spec.recipe import Recipe

VARIABLE_SIZE = 32
"""What a dimension of -1 is tried with."""


def derive_inputs(recipe: Recipe, *, sample_shape: tuple[int, ...]) -> Recipe:
    """Return the recipe with its inputs: its own, checked, or one of the dataset's shape.

    Raises:
        SpecError: the given dims do not fit the dataset's images.
    """
    if not recipe.inputs:
        tensor = TensorSpec(name="input0", data_type=DataType.FP32, dims=sample_shape)
        return dataclasses.replace(recipe, inputs=(tensor,))
    if len(recipe.inputs) != 1:
        raise SpecError(
            f"a stack of layers takes one input; {len(recipe.inputs)} are given",
            where="inputs",
            remedy="give one",
        )
    tensor = recipe.inputs[0]
    if tensor.data_type is not DataType.FP32:
        raise SpecError(
            f"is {tensor.data_type.value}; images are sent as FP32",
            where="inputs[0].data_type",
            remedy="set FP32",
        )
    if not fits(sample_shape, tensor.dims):
        raise SpecError(
            f"is {list(tensor.dims)}; one image of the dataset is {list(sample_shape)}",
            where="inputs[0].dims",
            remedy="set the image's [channels, height, width], or leave inputs out",
        )
    return recipe


def derive_outputs(recipe: Recipe, artifact: torch.jit.ScriptModule) -> Recipe:
    """Return the recipe with its outputs: its own, or the artifact's as `output0`, `output1`...

    Raises:
        ProofError: the artifact gives something else than tensors.
    """
    if recipe.outputs:
        return recipe
    batch, answers = _run(recipe, artifact)
    outputs = tuple(
        TensorSpec(
            name=f"output{index}",
            data_type=DATA_TYPES[answer.dtype],
            dims=tuple(answer.shape[1:] if batch else answer.shape),
        )
        for index, answer in enumerate(answers)
    )
    return dataclasses.replace(recipe, outputs=outputs)


def prove(recipe: Recipe, artifact: torch.jit.ScriptModule) -> Proof:
    """Compare the recipe's inputs and outputs with what the artifact takes and gives.

    Raises:
        ProofError: number, type, rank or size of an input or output differ.
    """
    _prove_arguments(recipe, artifact)
    batch, answers = _run(recipe, artifact)
    if len(answers) != len(recipe.outputs):
        raise ProofError(
            f"the artifact gives {len(answers)} outputs, the recipe names {len(recipe.outputs)}",
            where="outputs",
            remedy="name each output, or leave outputs out",
        )
    for index, (tensor, answer) in enumerate(zip(recipe.outputs, answers, strict=True)):
        shape = tuple(answer.shape[1:] if batch else answer.shape)
        if TORCH_DTYPES.get(tensor.data_type) is not answer.dtype:
            raise ProofError(
                f"is {tensor.data_type.value}; the artifact gives {answer.dtype}",
                where=f"outputs[{index}].data_type",
                remedy="correct it, or leave outputs out",
            )
        if not fits(shape, tensor.dims):
            raise ProofError(
                f"is {list(tensor.dims)}; the artifact gives {list(shape)}",
                where=f"outputs[{index}].dims",
                remedy="correct it, or leave outputs out",
            )
    return Proof(
        name="contract",
        finding=f"{_words(recipe.inputs)} -> {_words(recipe.outputs)}, as the artifact has them",
    )


def fits(shape: tuple[int, ...], dims: tuple[int, ...]) -> bool:
    """Return whether a tensor of `shape` may be declared as `dims`, -1 being any size."""
    return len(shape) == len(dims) and all(
        size in (actual, -1) for actual, size in zip(shape, dims, strict=True)
    )


def _prove_arguments(recipe: Recipe, artifact: torch.jit.ScriptModule) -> None:
    arguments = _schema(artifact).arguments[1:]
    if len(arguments) != len(recipe.inputs):
        raise ProofError(
            f"forward() takes {len(arguments)} inputs, the recipe names {len(recipe.inputs)}",
            where="inputs",
            remedy="name each input of forward()",
        )
    for argument in arguments:
        if argument.type.kind() != "TensorType":
            raise ProofError(
                f"forward() takes '{argument.name}' of type {argument.type}",
                where="architecture",
                remedy="Triton's libtorch passes tensors only",
            )


def _schema(artifact: torch.jit.ScriptModule) -> Any:
    """Return forward()'s signature: the module itself, then its arguments."""
    return artifact._c._get_method("forward").schema  # noqa: SLF001  torch has no public way


def _run(recipe: Recipe, artifact: torch.jit.ScriptModule) -> tuple[bool, list[torch.Tensor]]:
    """Run the artifact on zeros; return whether there is a batch axis, and its outputs."""
    size = request_sizes(recipe.serving)[:2][-1]
    shapes = [
        [VARIABLE_SIZE if dim == -1 else dim for dim in tensor.dims] for tensor in recipe.inputs
    ]
    zeros = [
        torch.zeros(
            *([size] if size is not None else []), *shape, dtype=TORCH_DTYPES[tensor.data_type]
        )
        for shape, tensor in zip(shapes, recipe.inputs, strict=True)
    ]
    try:
        with torch.inference_mode():
            answer = artifact(*zeros)
    except RuntimeError as error:
        raise ProofError(
            f"the artifact does not take inputs of {shapes}: {str(error).splitlines()[-1]}",
            where="inputs",
            remedy="correct dims, or serving.batch_dim",
        ) from error
    answers = list(answer) if isinstance(answer, list | tuple) else [answer]
    for item in answers:
        if not isinstance(item, torch.Tensor) or item.dtype not in DATA_TYPES or item.dim() == 0:
            raise ProofError(
                f"the artifact gives {_kind(item)}; Triton's libtorch returns tensors of rank 1"
                " and more, in the types it maps",
                where="outputs",
                remedy="return a tensor with the batch dimension first",
            )
    return size is not None, answers


def _kind(item: object) -> str:
    if isinstance(item, torch.Tensor):
        return f"a tensor of {item.dtype} and rank {item.dim()}"
    return type(item).__name__


def _words(tensors: Sequence[TensorSpec]) -> str:
    return ", ".join(
        f"{tensor.name} {tensor.data_type.value} {list(tensor.dims)}" for tensor in tensors
    )
