"""`batch_input` and `batch_output`: what Triton tells a backend about ragged batches.

Source: core, src/model_config_utils.cc (ValidateBatchIO).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Judge, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.rule import Finding

INPUT_SOURCES = Rule(
    id="TRN221",
    wording="batch input kind '{kind}' expects 1 source input, got {count} for {model}",
    remedy="name one input in source_input",
)
INPUT_KIND = Rule(
    id="TRN222",
    wording="unknown batch input kind '' for {model}",
    remedy="use one of the kinds of BatchInput by name",
)
INPUT_TYPE = Rule(
    id="TRN223",
    wording="batch input data type must be TYPE_INT32 or TYPE_FP32 for {model}",
    remedy="set data_type: TYPE_INT32 or TYPE_FP32",
)
SOURCE = Rule(
    id="TRN224",
    wording="unknown source input name '{name}' for {model}",
    remedy="name one of the model's inputs",
)
OUTPUT_SOURCES = Rule(
    id="TRN225",
    wording="batch output kind '{kind}' expects 1 source input, got {count} for {model}",
    remedy="name one input in source_input",
)
OUTPUT_KIND = Rule(
    id="TRN226",
    wording="unknown batch output kind '' for {model}",
    remedy="use BATCH_SCATTER_WITH_INPUT_SHAPE",
)
TARGET = Rule(
    id="TRN227",
    wording="unknown target output name '{name}' for {model}",
    remedy="name one of the model's outputs",
)
TARGET_TWICE = Rule(
    id="TRN228",
    wording="target output name '{name}' can only be specified once for {model}",
    remedy="name each target once",
)
NO_TARGET = Rule(
    id="TRN229",
    wording="batch output without target_name: Triton's library for backends ends the server",
    remedy="name one of the model's outputs in target_name",
    judge=Judge.abort,
)
RULES = (
    INPUT_SOURCES,
    INPUT_KIND,
    INPUT_TYPE,
    SOURCE,
    OUTPUT_SOURCES,
    OUTPUT_KIND,
    TARGET,
    TARGET_TWICE,
    NO_TARGET,
)

_INT32, _FP32 = 8, 11


def check(config: Any, model: str) -> Iterator[Finding]:
    """Yield what is wrong with the batch inputs, then the batch outputs."""
    inputs = {tensor.name for tensor in config.input}
    for index, one in enumerate(config.batch_input):
        place = ("batch_input", index)
        yield from _check_kind(one, place, model, INPUT_KIND, INPUT_SOURCES)
        if one.data_type not in (_INT32, _FP32):
            yield INPUT_TYPE.at(*place, "data_type", model=model)
        yield from _check_sources(one, place, inputs, model)
    outputs = {tensor.name for tensor in config.output}
    for index, one in enumerate(config.batch_output):
        place = ("batch_output", index)
        yield from _check_kind(one, place, model, OUTPUT_KIND, OUTPUT_SOURCES)
        yield from _check_sources(one, place, inputs, model)
        yield from _check_targets(one, place, outputs, model)


def check_targets_given(config: Any) -> Iterator[Finding]:
    """Yield batch outputs without a target: Triton's library for backends takes the first."""
    for index, one in enumerate(config.batch_output):
        if not one.target_name:
            yield NO_TARGET.at("batch_output", index)


def _check_kind(
    one: Any, place: tuple[str, int], model: str, unknown: Rule, sources: Rule
) -> Iterator[Finding]:
    kinds = one.DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number
    if one.kind not in kinds:
        yield unknown.at(*place, "kind", model=model)
    elif len(one.source_input) != 1:
        yield sources.at(
            *place, kind=kinds[one.kind].name, count=len(one.source_input), model=model
        )


def _check_sources(
    one: Any, place: tuple[str, int], inputs: set[str], model: str
) -> Iterator[Finding]:
    for number, name in enumerate(one.source_input):
        if name not in inputs:
            yield SOURCE.at(*place, "source_input", number, name=name, model=model)


def _check_targets(
    one: Any, place: tuple[str, int], outputs: set[str], model: str
) -> Iterator[Finding]:
    seen: set[str] = set()
    for number, name in enumerate(one.target_name):
        if name not in outputs:
            yield TARGET.at(*place, "target_name", number, name=name, model=model)
        elif name in seen:
            yield TARGET_TWICE.at(*place, "target_name", number, name=name, model=model)
        seen.add(name)
