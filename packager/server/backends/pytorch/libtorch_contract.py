"""What the libtorch backend checks at load, with its wording: names, counts and data types.

Runs inside Triton's Python stub; imports neither torch nor `packager`.
Source: triton-inference-server/pytorch_backend, src/libtorch.cc (ValidateInputs, ValidateOutputs,
GetNamingConvention).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

STRING = "TYPE_STRING"
# TYPE_BF16 and the wide unsigned types have no libtorch mapping in the backend.
MAPPED_TYPES = {
    "TYPE_BOOL": "bool",
    "TYPE_UINT8": "uint8",
    "TYPE_INT8": "int8",
    "TYPE_INT16": "int16",
    "TYPE_INT32": "int32",
    "TYPE_INT64": "int64",
    "TYPE_FP16": "float16",
    "TYPE_FP32": "float32",
    "TYPE_FP64": "float64",
}
_SEQUENCE_CONTROLS = (
    "CONTROL_SEQUENCE_START",
    "CONTROL_SEQUENCE_END",
    "CONTROL_SEQUENCE_READY",
    "CONTROL_SEQUENCE_CORRID",
)
_ONLY_TENSORS = "Only a single input of type Dict(str, Tensor) or input(s) of type Tensor"


class LoadError(Exception):
    """The model must not be loaded; the text is what Triton logs."""


@dataclass(frozen=True)
class Argument:
    """An argument of `forward`, without `self`; `kind` is TorchScript's, `text` its type."""

    name: str
    kind: str
    text: str


@dataclass(frozen=True)
class Output:
    """An output of the configuration, and its position among what `forward` returns."""

    name: str
    index: int
    data_type: str


@dataclass(frozen=True)
class Contract:
    """Where the configuration's tensors go: input name -> position in `forward`."""

    inputs: Mapping[str, int]
    string_inputs: frozenset[str]
    outputs: tuple[Output, ...]
    takes_dict: bool
    argument_count: int


def make_contract(config: Mapping[str, Any], arguments: Sequence[Argument]) -> Contract:
    """Judge a configuration against `forward`.

    Raises:
        LoadError: libtorch refuses to load it, or would abort the server later.
    """
    takes_dict = len(arguments) == 1 and arguments[0].kind == "DictType"
    controls = _sequence_control_names(config)
    inputs: Sequence[Mapping[str, Any]] = config["input"]
    if not takes_dict and arguments:
        _check_arguments(arguments)
        _check_count(config["name"], len(inputs) + len(controls), len(arguments))
    _check_present("input", inputs)
    names = [tensor["name"] for tensor in inputs]
    positions = _positions(names, [argument.name for argument in arguments])
    positions |= {name: int(_index_text(name) or "0") for name in controls}
    if not takes_dict:
        _refuse_index_past_arguments(positions, len(arguments))
    outputs: Sequence[Mapping[str, Any]] = config["output"]
    _check_types("input", inputs, config)
    _check_present("output", outputs)
    _check_types("output", outputs, config)
    indices = _positions([tensor["name"] for tensor in outputs], [])
    return Contract(
        inputs=positions,
        string_inputs=frozenset(t["name"] for t in inputs if t["data_type"] == STRING),
        outputs=tuple(Output(t["name"], indices[t["name"]], t["data_type"]) for t in outputs),
        takes_dict=takes_dict,
        argument_count=len(arguments),
    )


def _check_arguments(arguments: Sequence[Argument]) -> None:
    if any(argument.kind == "DictType" for argument in arguments[1:]):
        raise LoadError(
            "Multiple inputs of kind DictType were detected. Only a single input of type "
            "Dict(str, Tensor) is supported."
        )
    for argument in arguments:
        if argument.kind not in ("TensorType", "ListType"):
            raise LoadError(
                f"An input of type '{argument.text}' was detected in the model. "
                f"{_ONLY_TENSORS} are supported."
            )


def _check_count(model: str, configured: int, taken: int) -> None:
    if configured != taken:
        raise LoadError(
            f"unable to load model '{model}', configuration expects {configured} inputs, "
            f"model provides {taken}"
        )


def _check_present(kind: str, tensors: Sequence[object]) -> None:
    if not tensors:
        raise LoadError(
            f"model configuration must contain at least one {kind}, none were specified."
        )


def _positions(names: Sequence[str], arguments: Sequence[str]) -> dict[str, int]:
    """By argument name if all are; else by `__<index>` if all have one; else by order."""
    if arguments and all(name in arguments for name in names):
        return {name: arguments.index(name) for name in names}
    if all(_index_text(name) is not None for name in names):
        return {name: int(_index_text(name) or "0") for name in names}
    return {name: position for position, name in enumerate(names)}


def _index_text(name: str) -> str | None:
    """What follows the first `__` when it is all digits (nothing counts as 0), else None."""
    _, mark, index = name.partition("__")
    return index if mark and re.fullmatch("[0-9]*", index) else None


def _refuse_index_past_arguments(positions: Mapping[str, int], count: int) -> None:
    """With libtorch such a model is READY and ends the whole server at its first request."""
    for name, position in positions.items():
        if position >= max(count, len(positions)):
            raise LoadError(
                f"input '{name}' refers to index {position}, but the model takes {count} inputs; "
                "the libtorch backend would end the server at the first request"
            )


def _check_types(
    kind: str, tensors: Sequence[Mapping[str, Any]], config: Mapping[str, Any]
) -> None:
    for tensor in tensors:
        name, data_type = tensor["name"], tensor["data_type"]
        place = f"{kind} '{name}' for model '{config['name']}'"
        if data_type not in MAPPED_TYPES and data_type != STRING:
            raise LoadError(f"unsupported datatype {data_type} for {place}")
        shape = tensor.get("reshape", {}).get("shape", tensor["dims"])
        if data_type == STRING and len(shape) + (config["max_batch_size"] > 0) > 1:
            raise LoadError(
                f"Triton only supports 1 dimensional List of String as {kind} for "
                f"'{name}' for model '{config['name']}'"
            )


def _sequence_control_names(config: Mapping[str, Any]) -> list[str]:
    """The control tensors of a sequence model: inputs beside the configured ones."""
    names = []
    for control_input in config.get("sequence_batching", {}).get("control_input", ()):
        kinds = {control["kind"] for control in control_input.get("control", ())}
        if kinds & set(_SEQUENCE_CONTROLS):
            names.append(control_input["name"])
    for name in names:
        if _index_text(name) is None:
            raise LoadError(f"input '{name}' does not follow <name>__<index> naming convention.")
    return names
