"""What the libtorch backend asks of a config, and what it lets pass to fail at requests.

Source: triton-inference-server/pytorch_backend, src/libtorch.cc (ValidateInputs, ValidateOutputs,
GetNamingConvention, ParseParameters).
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.byte_sizes import STRING
from packager.model_config.rules.rule import Judge, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.backend_fields import Identity
    from packager.model_config.rules.rule import Finding

_KEYS = "inputs, outputs"

NONE = Rule(
    id="TRN801",
    wording="model configuration must contain at least one {kind}, none were specified.",
    remedy="list them: the libtorch backend completes nothing",
    judge=Judge.backend,
    key=_KEYS,
)
DATA_TYPE = Rule(
    id="TRN802",
    wording="unsupported datatype {data_type} for {kind} '{name}' for model '{model}'",
    remedy="use a type that libtorch maps: TYPE_FP32, FP64, FP16, INT8 to INT64, UINT8, BOOL",
    judge=Judge.backend,
    key=_KEYS,
)
STRING_DIMS = Rule(
    id="TRN803",
    wording="Triton only supports 1 dimensional List of String as {kind} for '{name}' for model"
    " '{model}'",
    remedy="use dims: [-1] with max_batch_size: 0, or dims: [1] reshaped to none with batches",
    judge=Judge.backend,
)
INDEX = Rule(
    id="TRN804",
    wording="input '{name}' refers to index {index}, and the model has {count} inputs: it is READY"
    " and ends the whole server at the first request",
    remedy="number the inputs from 0",
    judge=Judge.packager,
    key="inputs",
)
INTER_OP = Rule(
    id="TRN805",
    wording="INTER_OP_THREAD_COUNT ends the whole server at load where a second model sets it",
    remedy="remove it; INTRA_OP_THREAD_COUNT is safe",
    judge=Judge.packager,
)
MIXED = Rule(
    id="TRN806",
    wording="{kind} '{name}' has no __<index> where others have: Triton then passes all in the"
    " order of the config",
    remedy="end all names with __0, __1, ..., or name all as forward() names its arguments",
    judge=Judge.packager,
    severity=Severity.warning,
    key=_KEYS,
)
INDEX_TWICE = Rule(
    id="TRN807",
    wording="{kind} '{name}' has the index {index} of another {kind}",
    remedy="number them from 0, each once",
    judge=Judge.packager,
    key=_KEYS,
)
BOOLEAN = Rule(
    id="TRN808",
    wording="failed to convert {parameter} '{value}' to boolean value",
    remedy='set string_value: "true" or "false"',
    judge=Judge.backend,
)
PARAMETER = Rule(
    id="TRN809",
    wording="the libtorch backend knows no parameter '{parameter}' and ignores it: did you mean"
    " {close}?",
    remedy="correct the name, or remove it",
    judge=Judge.packager,
    severity=Severity.warning,
)
CONTROL = Rule(
    id="TRN810",
    wording="input '{name}' does not follow <name>__<index> naming convention.",
    remedy="end the control tensor's name with __ and its position in forward()",
    judge=Judge.backend,
)
RULES = (
    NONE,
    DATA_TYPE,
    STRING_DIMS,
    INDEX,
    INTER_OP,
    MIXED,
    INDEX_TWICE,
    BOOLEAN,
    PARAMETER,
    CONTROL,
)

_UNMAPPED = {3: "TYPE_UINT16", 4: "TYPE_UINT32", 5: "TYPE_UINT64", 14: "TYPE_BF16"}
_BOOLEANS = (
    "DISABLE_OPTIMIZED_EXECUTION",
    "INFERENCE_MODE",
    "ENABLE_WEIGHT_SHARING",
    "ENABLE_CACHE_CLEANING",
    "DISABLE_CUDNN",
    "ENABLE_TENSOR_FUSER",
    "ENABLE_JIT_PROFILING",
    "ENABLE_JIT_EXECUTOR",
)
_INTER_OP = "INTER_OP_THREAD_COUNT"
_PARAMETERS = (*_BOOLEANS, _INTER_OP, "INTRA_OP_THREAD_COUNT")


def check(config: Any, identity: Identity) -> Iterator[Finding]:
    """Yield what libtorch refuses at load, then what only requests would show."""
    if identity.backend != "pytorch" or config.runtime:
        return
    for kind in ("input", "output"):
        tensors = getattr(config, kind)
        if not tensors:
            yield NONE.at(kind, kind=kind)
        for index, tensor in enumerate(tensors):
            yield from _check_type(config, identity.model, kind, index, tensor)
        yield from _check_indices(config, kind, tensors)
    yield from _check_controls(config)
    yield from _check_parameters(config)


def index_of(name: str) -> int | None:
    """Return what follows the first `__` of a tensor's name where it is a number, else None."""
    _, mark, index = name.partition("__")
    return int(index or 0) if mark and re.fullmatch("[0-9]*", index) else None


def _check_type(config: Any, model: str, kind: str, index: int, tensor: Any) -> Iterator[Finding]:
    told = {"kind": kind, "name": tensor.name, "model": model}
    if tensor.data_type in _UNMAPPED:
        data_type = _UNMAPPED[tensor.data_type]
        yield DATA_TYPE.at(kind, index, "data_type", **told, data_type=data_type)
    shape = tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims
    if tensor.data_type == STRING and len(shape) + (config.max_batch_size > 0) > 1:
        yield STRING_DIMS.at(kind, index, "dims", **told)


def _check_indices(config: Any, kind: str, tensors: Any) -> Iterator[Finding]:
    indices = [index_of(tensor.name) for tensor in tensors]
    if all(one is None for one in indices):
        return
    controls = sum(bool(one.control) for one in config.sequence_batching.control_input)
    for index, (tensor, found) in enumerate(zip(tensors, indices, strict=True)):
        place = (kind, index, "name")
        if found is None:
            yield MIXED.at(*place, kind=kind, name=tensor.name)
        elif None in indices:
            continue
        elif found in indices[:index]:
            yield INDEX_TWICE.at(*place, kind=kind, name=tensor.name, index=found)
        elif kind == "input" and found >= len(tensors) + controls:
            yield INDEX.at(*place, name=tensor.name, index=found, count=len(tensors) + controls)


def _check_controls(config: Any) -> Iterator[Finding]:
    for index, tensor in enumerate(config.sequence_batching.control_input):
        if tensor.control and index_of(tensor.name) is None:
            place = ("sequence_batching", "control_input", index, "name")
            yield CONTROL.at(*place, name=tensor.name)


def _check_parameters(config: Any) -> Iterator[Finding]:
    for key, value in sorted(config.parameters.items()):
        place = ("parameters", key)
        close = difflib.get_close_matches(key.upper(), _PARAMETERS, n=1)
        if key == _INTER_OP:
            yield INTER_OP.at(*place)
        elif key in _BOOLEANS and value.string_value.lower() not in ("true", "false", "1", "0"):
            yield BOOLEAN.at(*place, parameter=key, value=value.string_value.lower())
        elif key not in _PARAMETERS and close:
            yield PARAMETER.at(*place, parameter=key, close=close[0])
