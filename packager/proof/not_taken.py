"""Inputs that packager makes where there are no data, and what to do where they are not taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from packager.errors import ProofError
from packager.export.dtypes import TORCH_DTYPES
from packager.proof.asking import told
from packager.proof.inputs import VARIABLE_SIZES
from packager.proof.probing import Shape
from packager.proof.samples import drawn
from packager.spec.tensors import DataType, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

Fill = Callable[[TensorSpec, Shape], torch.Tensor]
"""Makes one input's tensor of a shape."""

SEED = 7

FLOATS = (DataType.FP16, DataType.FP32, DataType.FP64)


def zeros(tensor: TensorSpec, shape: Shape) -> torch.Tensor:
    """Return zeros."""
    return torch.zeros(shape, dtype=TORCH_DTYPES[tensor.data_type])


def ones(tensor: TensorSpec, shape: Shape) -> torch.Tensor:
    """Return ones."""
    return torch.ones(shape, dtype=TORCH_DTYPES[tensor.data_type])


def drawn_values(tensor: TensorSpec, shape: Shape) -> torch.Tensor:
    """Return what `samples.generated` draws, the same for the same shape."""
    source = torch.Generator().manual_seed(SEED)
    return drawn(shape, TORCH_DTYPES[tensor.data_type], source)


def value_not_taken(
    inputs: Sequence[TensorSpec],
    takes: Callable[[Fill], bool],
    shapes: Sequence[Shape],
    error: Exception,
) -> ProofError | None:
    """Return the error about the one input whose zeros are refused and whose ones are taken."""
    for index, tensor in enumerate(inputs):
        if tensor.data_type in FLOATS or not takes(_ones_for(tensor)):
            continue
        example = "" if tensor.data_type is DataType.BOOL else f", as in {tensor.name}.clamp(min=1)"
        return ProofError(
            f"the artifact takes inputs of {_listed(shapes)} where '{tensor.name}' is 1, and not"
            f" where it is 0: {told(error)}; packager generates {_what(tensor)}",
            where=f"inputs[{index}]",
            remedy=f"let forward() take 0 in '{tensor.name}' as well{example}: the proofs ask it,"
            " and a client may",
        )
    return None


def shapes_not_taken(
    inputs: Sequence[TensorSpec], shapes: Sequence[Shape], variable: int, error: Exception
) -> ProofError:
    """Return the error about inputs that are taken neither as zeros nor as other values."""
    varying = [
        (index, axis)
        for index, tensor in enumerate(inputs)
        for axis, size in enumerate(tensor.dims)
        if size == -1
    ]
    problem = f"the artifact does not take inputs of {_listed(shapes)}"
    if not varying:
        whole = any(tensor.data_type not in FLOATS for tensor in inputs)
        asked = f" (zeros, or generated: {described(inputs)})" if whole else ""
        return ProofError(
            f"{problem}{asked}: {told(error)}",
            where="inputs",
            remedy="correct dims, or serving.batch_dim",
        )
    tried = ", ".join(map(str, VARIABLE_SIZES))
    index, axis = varying[0]
    return ProofError(
        f"{problem}: {told(error)}; packager asks dims of -1 with {tried}, and {variable} fails",
        where=f"inputs[{index}].dims[{axis}]",
        remedy="give a size that it takes instead of -1; -1 promises clients any size",
    )


def fails_on_generated(
    who: str, inputs: Sequence[TensorSpec], error: Exception, *, rows: Sequence[torch.Tensor]
) -> ProofError:
    """Return the error about generated rows; the input to blame is one of whole numbers."""
    whole = [
        index
        for index, tensor in enumerate(inputs)
        if tensor.data_type not in FLOATS and int(rows[index].max()) > 0
    ]
    names = " and ".join(f"'{inputs[index].name}'" for index in whole)
    remedy = "correct data types and dims"
    if whole:
        one = inputs[whole[0]]
        remedy = f"let forward() take all of them in {names}, as in {one.name}.clamp(...)"
        if one.data_type is DataType.UINT8:
            remedy += "; of indices declare INT64, generated as 0 or 1; of images choose a dataset"
    return ProofError(
        f"{who} fails on inputs that packager generates ({described(inputs)}): {told(error)}",
        where=f"inputs[{whole[0]}]" if len(whole) == 1 else "inputs",
        remedy=remedy,
    )


def described(inputs: Sequence[TensorSpec]) -> str:
    """Return what is generated for each input, in words."""
    return ", ".join(f"'{tensor.name}' {_what(tensor)}" for tensor in inputs)


def _what(tensor: TensorSpec) -> str:
    if tensor.data_type in FLOATS:
        return "floats in [0, 1)"
    if tensor.data_type is DataType.BOOL:
        return "false or true"
    return "0..255" if tensor.data_type is DataType.UINT8 else "integers 0 or 1"


def _ones_for(one: TensorSpec) -> Fill:
    return lambda tensor, shape: (ones if tensor.name == one.name else zeros)(tensor, shape)


def _listed(shapes: Sequence[Shape]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes)
