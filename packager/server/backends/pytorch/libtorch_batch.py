"""From Triton's requests to one batch of torch tensors, and from its outputs to answers.

Runs inside Triton's Python stub. Tensors are views of the requests' memory where there is one
request, and one concatenation where there are more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import triton_python_backend_utils as pb_utils
from libtorch_contract import MAPPED_TYPES, Contract  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TYPE_OF_TORCH = {getattr(torch, name): triton for triton, name in MAPPED_TYPES.items()}


class RequestError(Exception):
    """The request cannot be answered; `invalid` when the client or configuration is at fault."""

    def __init__(self, message: str, *, invalid: bool = True) -> None:
        super().__init__(message)
        self.invalid = invalid


@dataclass
class Part:
    """One request: its place among those handed over, its tensors by input name, its rows."""

    place: int
    tensors: dict[str, Any]
    rows: int


def read_request(place: int, request: Any, contract: Contract) -> Part:
    """The request's tensors, on CPU, without copying numbers.

    Raises:
        RequestError: an input is missing.
    """
    tensors: dict[str, Any] = {}
    for name in contract.inputs:
        tensor = pb_utils.get_input_tensor_by_name(request, name)
        if tensor is None:
            raise RequestError(f"input '{name}' is missing")
        array = tensor.as_numpy()
        tensors[name] = array if name in contract.string_inputs else torch.from_numpy(array)
    shape = next(iter(tensors.values())).shape
    return Part(place, tensors, int(shape[0]) if len(shape) else 1)


def require_batch(part: Part, ranks: Mapping[str, int]) -> None:
    """Refuse a request whose shape says a batch of 0: Triton hands it over without that axis.

    Raises:
        RequestError: a tensor has not the rank of the configuration's dims and the batch axis.
    """
    for name, rank in ranks.items():
        tensor = part.tensors[name]
        if len(tensor.shape) != rank or len(tensor) == 0:
            raise RequestError(f"input '{name}' has a batch of 0; expected 1 or more")


def same_shape_groups(parts: Sequence[Part], *, batching: bool) -> Iterator[list[Part]]:
    """Requests that may share one `forward`: all but the batch axis agree."""
    groups: dict[object, list[Part]] = {}
    for part in parts:
        shapes = tuple(tuple(tensor.shape[1:]) for tensor in part.tensors.values())
        groups.setdefault(shapes if batching else part.place, []).append(part)
    yield from groups.values()


def join(parts: Sequence[Part], contract: Contract, device: torch.device) -> list[Any]:
    """The arguments of one `forward` for all parts, in its order."""
    joined = {name: _join(name, parts, contract, device) for name in contract.inputs}
    if contract.takes_dict:
        return [joined]
    # A position that no input names stays None, and TorchScript says so as it does to libtorch.
    arguments: list[Any] = [None] * max(contract.argument_count, len(joined))
    for name, tensor in joined.items():
        arguments[contract.inputs[name]] = tensor
    return arguments


def _join(name: str, parts: Sequence[Part], contract: Contract, device: torch.device) -> Any:
    tensors = [part.tensors[name] for part in parts]
    if name in contract.string_inputs:
        return [text.decode() for tensor in tensors for text in tensor.reshape(-1)]
    tensor = tensors[0] if len(tensors) == 1 else torch.cat(tensors)
    return tensor.to(device)


def named_outputs(answer: Any, contract: Contract) -> dict[str, Any]:
    """What `forward` returned, by the configuration's names, as contiguous arrays.

    Raises:
        RequestError: it does not fit the configuration; libtorch finds out here, not at load.
    """
    values = list(answer) if isinstance(answer, tuple) else [answer]
    for position, value in enumerate(values):
        _require_tensor_or_strings(value, f" at index {position}" if len(values) > 1 else "")
    for output in contract.outputs:
        if output.index >= len(values):
            raise RequestError(
                f"The output {output.name} in the model configuration refers to an output index "
                f"which doesn't exist. This model has {len(values)} outputs"
            )
    return {
        output.name: _array(output.name, output.data_type, values[output.index])
        for output in contract.outputs
    }


def _require_tensor_or_strings(value: Any, place: str) -> None:
    strings = isinstance(value, list) and all(isinstance(text, str) for text in value)
    if not strings and not isinstance(value, torch.Tensor):
        raise RequestError(
            f"PyTorch execute failure: output{place} must be of type Tensor or List[str], "
            f"received {type(value).__name__}",
            invalid=False,
        )


def _array(name: str, configured: str, value: Any) -> Any:
    if isinstance(value, list):
        return np.array([text.encode() for text in value], dtype=np.object_)
    provided = _TYPE_OF_TORCH.get(value.dtype, "TYPE_<invalid>")
    if provided != configured:
        raise RequestError(
            f"configuration expects datatype {configured} for output '{name}', "
            f"model provides {provided}"
        )
    if value.dim() == 0:
        raise RequestError(f"output '{name}' is a scalar which is not supported.")
    return value.detach().resolve_conj().resolve_neg().cpu().contiguous().numpy()


def split(
    arrays: Mapping[str, Any], parts: Sequence[Part], *, batching: bool
) -> Iterator[tuple[Part, dict[str, Any]]]:
    """Each part's rows of each output.

    Raises:
        RequestError: an output has not one row for each of the batch's. libtorch does not look
            and answers with other memory; a server that judges models must.
    """
    if not batching:
        yield parts[0], dict(arrays)
        return
    rows = sum(part.rows for part in parts)
    for name, array in arrays.items():
        if array.shape[0] != rows:
            raise RequestError(f"output '{name}' has {array.shape[0]} rows for a batch of {rows}")
    start = 0
    for part in parts:
        end = start + part.rows
        yield part, {name: array[start:end] for name, array in arrays.items()}
        start = end
