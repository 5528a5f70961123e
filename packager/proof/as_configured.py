"""The artifact asked as `config.pbtxt` alone tells Triton to ask it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from packager.errors import ProofError
from packager.export.dtypes import TORCH_DTYPES
from packager.model_config.parse import schema
from packager.proof.asking import FAILURES, answers, told
from packager.proof.inputs import VARIABLE_SIZES
from packager.proof.samples import drawn
from packager.proof.signature import argument_names
from packager.server.backends.pytorch.libtorch_contract import (
    Argument,
    Contract,
    LoadError,
    make_contract,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.spec.recipe import Recipe

CONFIG_TYPES = {data_type.config_name: dtype for data_type, dtype in TORCH_DTYPES.items()}
TEMPLATE = "correct templates/config.pbtxt.j2"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tensor:
    """A configured tensor: its dims as the artifact sees them, the batch left out."""

    name: str
    data_type: str
    dims: tuple[int, ...]
    label_filename: str


def require_config(config: Any, artifact: torch.jit.ScriptModule, recipe: Recipe) -> None:
    """Ask an artifact by a parsed `ModelConfig`; of the recipe only labels and batch axis are used.

    Libtorch's own rules say which argument a name goes to. With `max_batch_size` > 0 rows of one
    and two are sent; without it, dims are sent as they stand.

    Raises:
        ProofError: libtorch would refuse it, or the artifact does not take or give what it says.
    """
    inputs, outputs = _tensors(config.input), _tensors(config.output)
    judged = _judged(config, inputs, outputs, argument_names(artifact))
    for batch in (1, 2) if config.max_batch_size > 1 else (1,):
        first = (batch,) if config.max_batch_size > 0 else ()
        given = _answers(artifact, [_zeros(tensor, first, recipe) for tensor in inputs], judged)
        for place, tensor in zip(judged.outputs, outputs, strict=True):
            _require_output(tensor, given, place.index, first)
    for tensor in outputs:
        _require_labels(tensor, recipe)


def _tensors(listed: Sequence[Any]) -> list[_Tensor]:
    types = schema().DataType
    return [
        _Tensor(
            name=tensor.name,
            data_type=types.Name(tensor.data_type),
            dims=tuple(tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims),
            label_filename=getattr(tensor, "label_filename", ""),
        )
        for tensor in listed
    ]


def _judged(
    config: Any, inputs: Sequence[_Tensor], outputs: Sequence[_Tensor], arguments: Sequence[str]
) -> Contract:
    content = {
        "name": config.name,
        "max_batch_size": config.max_batch_size,
        "input": [_plain(tensor) for tensor in inputs],
        "output": [_plain(tensor) for tensor in outputs],
    }
    try:
        return make_contract(
            content, [Argument(name, "TensorType", "Tensor") for name in arguments]
        )
    except LoadError as error:
        raise _differs(f"Triton's libtorch refuses it: {error}") from error


def _plain(tensor: _Tensor) -> dict[str, object]:
    return {"name": tensor.name, "data_type": tensor.data_type, "dims": list(tensor.dims)}


def _zeros(tensor: _Tensor, first: tuple[int, ...], recipe: Recipe) -> torch.Tensor:
    """Return what Triton may pass on: where the recipe puts a batch before the dims, two rows."""
    sizes = [VARIABLE_SIZES[0] if size == -1 else size for size in tensor.dims]
    if not first and recipe.serving.batch_dim == -1 and tensor.dims[:1] == (-1,):
        sizes[0] = 2
    return torch.zeros((*first, *sizes), dtype=CONFIG_TYPES[tensor.data_type])


def _answers(
    artifact: torch.jit.ScriptModule, zeros: Sequence[torch.Tensor], judged: Contract
) -> tuple[torch.Tensor, ...]:
    positions = sorted(zip(judged.inputs.values(), range(len(zeros)), strict=True))
    rows = tuple(zeros[index] for _, index in positions)
    try:
        return answers(artifact, rows)
    except FAILURES:
        source = torch.Generator().manual_seed(0)
        values = tuple(drawn(tuple(row.shape), row.dtype, source) for row in rows)
        return _answers_to_values(artifact, values)


def _answers_to_values(
    artifact: torch.jit.ScriptModule, rows: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    """Return the answers to other numbers, where zeros are not taken: an empty mask, no length."""
    try:
        return answers(artifact, rows)
    except FAILURES as error:
        shapes = " and ".join(str(list(tensor.shape)) for tensor in rows)
        raise _differs(
            f"it has {shapes} sent, which the artifact refuses: {told(error)}"
        ) from error


def _require_output(
    tensor: _Tensor, given: tuple[torch.Tensor, ...], index: int, first: tuple[int, ...]
) -> None:
    """Check an output's type and whole shape; `first` is the batch that Triton adds to dims."""
    if index >= len(given):
        raise _differs(f"it names output {index}, '{tensor.name}'; the artifact gives {len(given)}")
    found = given[index]
    if found.dtype is not CONFIG_TYPES.get(tensor.data_type):
        raise _differs(
            f"output '{tensor.name}' is {tensor.data_type}; the artifact gives {found.dtype}"
        )
    dims = (*first, *tensor.dims)
    if found.dim() != len(dims) or any(
        size not in (-1, actual) for size, actual in zip(dims, found.shape, strict=True)
    ):
        batch = ", the batch first" if first else ""
        raise _differs(
            f"output '{tensor.name}' is {list(dims)}{batch}; the artifact gives {list(found.shape)}"
        )


def _require_labels(tensor: _Tensor, recipe: Recipe) -> None:
    """Check that there are as many labels as an output that names them has scores."""
    if tensor.label_filename and tensor.dims[-1:] != (len(recipe.classes),):
        raise _differs(
            f"output '{tensor.name}' has {len(recipe.classes)} labels for {list(tensor.dims)}"
        )


def _differs(problem: str) -> ProofError:
    return ProofError(problem, where="config.pbtxt", remedy=TEMPLATE)
