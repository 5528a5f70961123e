"""The sequence batcher: control tensors and the two strategies.

Triton goes through all control tensors once for each kind of control, so that is the order here.
Source: core, src/model_config_utils.cc (ValidateModelConfig, Get*SequenceControlProperties).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.rule import Finding

CACHE = Rule(
    id="TRN321",
    wording="Response Cache does not currently support model {model} with sequence batching"
    " scheduler. Please disable the response cache.",
    remedy="remove response_cache, or sequence_batching",
)
CONTROL_NAME = Rule(
    id="TRN322",
    wording="sequence batching control tensor must have a name for {model}",
    remedy="name the input that takes the control",
)
CONTROL_TWICE = Rule(
    id="TRN323",
    wording="sequence batching control tensor '{name}' is specified for multiple control kinds for"
    " {model}",
    remedy="give each control a tensor of its own",
)
KIND_TWICE = Rule(
    id="TRN324",
    wording="sequence batching specifies multiple {kind} tensors for {model}",
    remedy="keep one",
)
VALUES_MISSING = Rule(
    id="TRN325",
    wording="sequence batching must specify either 'int32_false_true', 'fp32_false_true' or"
    " 'bool_false_true' for {kind} for {model}",
    remedy="give one of them two values, for example int32_false_true: [0, 1]",
)
VALUES_SEVERAL = Rule(
    id="TRN326",
    wording="sequence batching specifies more than one from 'int32_false_true', 'fp32_false_true'"
    " and 'bool_false_true' for {kind} for {model}",
    remedy="keep the one of the tensor's data type",
)
VALUES_COUNT = Rule(
    id="TRN327",
    wording="sequence batching control '{field}' must have exactly 2 entries for {kind} for"
    " {model}",
    remedy="give the value for false, then the value for true",
)
VALUES_FORBIDDEN = Rule(
    id="TRN328",
    wording="sequence batching must not specify either 'int32_false_true', 'fp32_false_true' or"
    " 'bool_false_true' for {kind} for {model}",
    remedy="remove them, and set data_type",
)
CORRELATION_TYPE = Rule(
    id="TRN329",
    wording="unexpected data type for control {kind} for {model}. Allowed data types are"
    " TYPE_UINT64, TYPE_INT64, TYPE_UINT32, TYPE_INT32 and TYPE_STRING",
    remedy="set data_type to one of them",
)
OLDEST_POSITIVE = Rule(
    id="TRN330",
    wording="sequence batching preferred batch size must be positive for {model}",
    remedy="give sizes from 1 to max_batch_size, or leave them out",
)
OLDEST_LARGE = Rule(
    id="TRN331",
    wording="sequence batching preferred batch size must be <= max batch size for {model}",
    remedy="lower it, or raise max_batch_size",
)
SLOT_UTILIZATION = Rule(
    id="TRN332",
    wording="sequence batching minimum slot utilization must be in range (0.0, 1.0] for {model}",
    remedy="give a fraction from 0 to 1",
)
RULES = (
    CACHE,
    CONTROL_NAME,
    CONTROL_TWICE,
    KIND_TWICE,
    VALUES_MISSING,
    VALUES_SEVERAL,
    VALUES_COUNT,
    VALUES_FORBIDDEN,
    CORRELATION_TYPE,
    OLDEST_POSITIVE,
    OLDEST_LARGE,
    SLOT_UTILIZATION,
)

_PLACE = "sequence_batching"
_BOOLEAN_KINDS = {
    0: "CONTROL_SEQUENCE_START",
    2: "CONTROL_SEQUENCE_END",
    1: "CONTROL_SEQUENCE_READY",
}
_CORRELATION = 3
_CORRELATION_NAME = "CONTROL_SEQUENCE_CORRID"
_CORRELATION_TYPES = {4, 5, 8, 9, 13}
_VALUES = ("int32_false_true", "fp32_false_true", "bool_false_true")


def check(config: Any, model: str) -> Iterator[Finding]:
    """Yield what is wrong with the sequence batcher, in Triton's order."""
    if not config.HasField(_PLACE):
        return
    batcher = config.sequence_batching
    if config.response_cache.enable:
        yield CACHE.at("response_cache", model=model)
    yield from _check_controls(batcher, model)
    for index, size in enumerate(batcher.oldest.preferred_batch_size):
        place = (_PLACE, "oldest", "preferred_batch_size", index)
        if size <= 0:
            yield OLDEST_POSITIVE.at(*place, model=model)
        elif size > config.max_batch_size:
            yield OLDEST_LARGE.at(*place, model=model)
    utilization = batcher.direct.minimum_slot_utilization
    if utilization < 0.0 or utilization > 1.0:
        yield SLOT_UTILIZATION.at(_PLACE, "direct", "minimum_slot_utilization", model=model)


def _check_controls(batcher: Any, model: str) -> Iterator[Finding]:
    yield from _check_kinds(batcher, model)
    found = [
        ((_PLACE, "control_input", index, "control", number), control)
        for index, tensor in enumerate(batcher.control_input)
        for number, control in enumerate(tensor.control)
        if control.kind == _CORRELATION
    ]
    if found and found[-1][1].data_type not in _CORRELATION_TYPES:
        place = found[-1][0]
        yield CORRELATION_TYPE.at(*place, "data_type", kind=_CORRELATION_NAME, model=model)


def _check_kinds(batcher: Any, model: str) -> Iterator[Finding]:
    for first, kind in enumerate((*_BOOLEAN_KINDS, _CORRELATION)):
        seen_names: set[str] = set()
        seen_kind = False
        for index, tensor in enumerate(batcher.control_input):
            if first == 0:
                yield from _check_name(index, tensor.name, seen_names, model)
            for number, control in enumerate(tensor.control):
                if control.kind != kind:
                    continue
                place = (_PLACE, "control_input", index, "control", number)
                yield from _check_control(control, place, seen_kind, model)
                seen_kind = True


def _check_name(index: int, name: str, seen: set[str], model: str) -> Iterator[Finding]:
    place = (_PLACE, "control_input", index)
    if not name:
        yield CONTROL_NAME.at(*place, model=model)
    elif name in seen:
        yield CONTROL_TWICE.at(*place, "name", name=name, model=model)
    seen.add(name)


def _check_control(
    control: Any, place: tuple[str | int, ...], seen: bool, model: str
) -> Iterator[Finding]:
    kind = _BOOLEAN_KINDS.get(control.kind, _CORRELATION_NAME)
    if seen:
        yield KIND_TWICE.at(*place, kind=kind, model=model)
    given = [field for field in _VALUES if getattr(control, field)]
    if control.kind == _CORRELATION:
        if given:
            yield VALUES_FORBIDDEN.at(*place, given[0], kind=kind, model=model)
    elif not given:
        yield VALUES_MISSING.at(*place, kind=kind, model=model)
    elif len(given) > 1:
        yield VALUES_SEVERAL.at(*place, given[1], kind=kind, model=model)
    elif len(getattr(control, given[0])) != 2:
        yield VALUES_COUNT.at(*place, given[0], field=given[0], kind=kind, model=model)
