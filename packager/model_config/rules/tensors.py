"""Inputs and outputs: names, data types, dims, reshapes, formats.

Source: core, src/model_config_utils.cc (ValidateModelIOConfig, ValidateIOShape).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Judge, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.model_config.rules.backend_fields import Identity
    from packager.model_config.rules.rule import Finding

_KEYS = "inputs, outputs"

NAME = Rule(
    id="TRN201",
    wording="model {kind} must specify 'name' for {model}",
    remedy="name it as the model does, or INPUT__0, OUTPUT__0 by position",
    key=_KEYS,
)
DATA_TYPE = Rule(
    id="TRN202",
    wording="model {kind} '{name}' must specify 'data_type' for {model}",
    remedy="set data_type, for example TYPE_FP32",
    key=_KEYS,
)
DIMS = Rule(
    id="TRN203",
    wording="model {kind} '{name}' must specify 'dims' for {model}",
    remedy="give one sample's dims, without the batch where max_batch_size > 0; a single number is"
    " dims: [1]",
    key=_KEYS,
)
EMPTY_RESHAPE = Rule(
    id="TRN204",
    wording="model {kind} '{name}' cannot have empty reshape for non-batching model as scalar"
    " tensors are not supported for {model}",
    remedy="remove reshape, or set max_batch_size",
)
SIZE = Rule(
    id="TRN205",
    wording="model {kind} '{name}' dimension must be integer >= 1, or -1 to indicate a"
    " variable-size dimension for {model}",
    remedy="set a positive size, or -1 where the model takes any",
    key=_KEYS,
)
RESHAPE_SIZE = Rule(
    id="TRN206",
    wording="model {kind} '{name}' reshape dimensions must be integer >= 1, or -1 to indicate a"
    " variable-size dimension for {model}",
    remedy="set a positive size, or -1 where dims have one",
)
RESHAPE_COUNT = Rule(
    id="TRN207",
    wording="model {kind} '{name}' has different size for dims and reshape for {model}",
    remedy="make the product of dims equal that of reshape, between any two -1 as well",
)
RESHAPE_VARIABLE = Rule(
    id="TRN208",
    wording="model {kind} '{name}' has different number of variable-size dimensions for dims and"
    " reshape for {model}",
    remedy="give dims and reshape as many -1",
)
FORMAT = Rule(
    id="TRN209",
    wording="model input NHWC/NCHW require 3 dims for {model}",
    remedy="give height, width and channels, or remove format",
)
SHAPE_TENSOR = Rule(
    id="TRN210",
    wording="shape tensors are only supported for TensorRT platform for {model}",
    remedy="remove is_shape_tensor",
)
NON_LINEAR = Rule(
    id="TRN211",
    wording="Non-linear IO format is only supported for the TensorRT platform for {model}",
    remedy="remove is_non_linear_format_io",
)
NON_LINEAR_DIMS = Rule(
    id="TRN212",
    wording="Non-linear IO format {kind} requires 3 dims for {model}",
    remedy="give three dims, or remove is_non_linear_format_io",
)
UNKNOWN_TYPE = Rule(
    id="TRN213",
    wording="data_type {number} of {kind} '{name}' is none: backends that read it fail",
    remedy="use a data type by name, for example TYPE_FP32",
    judge=Judge.packager,
    key=_KEYS,
)
RULES = (
    NAME,
    DATA_TYPE,
    DIMS,
    EMPTY_RESHAPE,
    SIZE,
    RESHAPE_SIZE,
    RESHAPE_COUNT,
    RESHAPE_VARIABLE,
    FORMAT,
    SHAPE_TENSOR,
    NON_LINEAR,
    NON_LINEAR_DIMS,
    UNKNOWN_TYPE,
)

TENSORRT = "tensorrt_plan"


def check(config: Any, identity: Identity) -> Iterator[Finding]:
    """Yield what is wrong with every input, then every output, in Triton's order."""
    for kind in ("input", "output"):
        for index, tensor in enumerate(getattr(config, kind)):
            yield from _check(kind, index, tensor, config.max_batch_size, identity)


def _check(
    kind: str, index: int, tensor: Any, max_batch_size: int, identity: Identity
) -> Iterator[Finding]:
    told = {"kind": kind, "name": tensor.name, "model": identity.model}
    place = (kind, index)
    if not tensor.name:
        yield NAME.at(*place, kind=kind, model=identity.model)
    if not tensor.data_type:
        yield DATA_TYPE.at(*place, **told)
    if not tensor.dims:
        yield DIMS.at(*place, **told)
    reshape = tensor.reshape.shape if tensor.HasField("reshape") else None
    if reshape is not None and not reshape and max_batch_size == 0:
        yield EMPTY_RESHAPE.at(*place, "reshape", **told)
    bad = list(_invalid(tensor.dims))
    for axis in bad:
        yield SIZE.at(*place, "dims", axis, **told)
    if reshape is not None:
        bad_reshape = list(_invalid(reshape))
        for axis in bad_reshape:
            yield RESHAPE_SIZE.at(*place, "reshape", "shape", axis, **told)
        rule = None if bad or bad_reshape or not tensor.dims else _mismatch(tensor.dims, reshape)
        if rule is not None:
            yield rule.at(*place, "reshape", **told)
    yield from _check_format(kind, index, tensor, identity)


def check_types(config: Any) -> Iterator[Finding]:
    """Yield data types that are numbers without a name: protobuf takes any."""
    for kind in ("input", "output"):
        for index, tensor in enumerate(getattr(config, kind)):
            known = tensor.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number
            if tensor.data_type not in known:
                yield UNKNOWN_TYPE.at(
                    *(kind, index, "data_type"),
                    kind=kind,
                    name=tensor.name,
                    number=tensor.data_type,
                )


def _check_format(kind: str, index: int, tensor: Any, identity: Identity) -> Iterator[Finding]:
    model, place = identity.model, (kind, index)
    is_tensorrt = identity.platform == TENSORRT
    formatted = kind == "input" and tensor.format in (1, 2)
    if formatted and len(tensor.dims) != 3:
        yield FORMAT.at(*place, "format", model=model)
    if tensor.is_shape_tensor and not is_tensorrt:
        yield SHAPE_TENSOR.at(*place, "is_shape_tensor", model=model)
    if tensor.is_non_linear_format_io and not is_tensorrt:
        yield NON_LINEAR.at(*place, "is_non_linear_format_io", model=model)
    elif tensor.is_non_linear_format_io and len(tensor.dims) != 3:
        yield NON_LINEAR_DIMS.at(*place, "is_non_linear_format_io", kind=kind, model=model)


def _invalid(sizes: Sequence[int]) -> Iterator[int]:
    return (axis for axis, size in enumerate(sizes) if size < 1 and size != -1)


def _mismatch(dims: Sequence[int], reshape: Sequence[int]) -> Rule | None:
    """Return the rule that a pair of valid dims and reshape breaks, or None."""
    count, reshaped = element_count(dims), element_count(reshape)
    if count != reshaped and not (reshaped == 0 and count == 1):
        return RESHAPE_COUNT
    if count != -1:
        return None
    runs, reshaped_runs = _runs(dims), _runs(reshape)
    if len(runs) != len(reshaped_runs):
        return RESHAPE_VARIABLE
    return None if runs == reshaped_runs else RESHAPE_COUNT


def element_count(sizes: Sequence[int]) -> int:
    """Return how many elements dims have: -1 where one varies, 0 for no dims, as Triton does."""
    if -1 in sizes:
        return -1
    return _wrapped(math.prod(sizes)) if sizes else 0


def _runs(sizes: Sequence[int]) -> list[int]:
    """Return the products of the sizes before, between and after the -1s."""
    runs = [1]
    for size in sizes:
        if size == -1:
            runs.append(1)
        else:
            runs[-1] *= size
    return [_wrapped(run) for run in runs]


def _wrapped(product: int) -> int:
    """Return what 64 bits hold of a product."""
    return (product + 2**63) % 2**64 - 2**63
