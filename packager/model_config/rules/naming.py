"""Names and dims that Triton takes as they are, and that no request can then satisfy.

Triton checks none of this.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Judge, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.model_config.rules.rule import Finding

TWICE = Rule(
    id="TRN231",
    wording="two {kind}s are named '{name}': {consequence}",
    remedy="give each its own name",
    judge=Judge.packager,
    key="inputs, outputs",
)
BATCH_IN_DIMS = Rule(
    id="TRN232",
    wording="dims of {kind} '{name}' begin with {first} where max_batch_size is {size}, as all dims"
    " do: Triton adds the batch itself, and a request then needs one dimension more; without the"
    " batch they are [{rest}]",
    remedy="leave the batch out of dims, or set max_batch_size: 0",
    judge=Judge.packager,
    severity=Severity.warning,
    key="inputs, outputs",
)
TEMPLATE = Rule(
    id="TRN112",
    wording="'{text}' in {field} looks like a variable that nothing has replaced",
    remedy="fill in the template before the server reads it",
    judge=Judge.packager,
)
UNFILLED = Rule(
    id="TRN116",
    wording="'{text}' of parameter '{parameter}' is a variable that nothing has replaced",
    remedy="fill in the template, or remove the parameter; some backends take it for a value that"
    " is not set",
    judge=Judge.packager,
    severity=Severity.warning,
)
RULES = (TWICE, BATCH_IN_DIMS, TEMPLATE, UNFILLED)

_CONSEQUENCES = {
    "input": "Triton expects both, and every request is refused",
    "output": "only the first can be asked for",
}
_IMAGE_RANK = 4
_MOST_CHANNELS = 4
_VARIABLE = re.compile(r"\s*(?:\$\{[^{}]*\}|\{\{[^{}]*\}\}|\$[A-Z]+_[A-Z0-9_]+)\s*")


def check(config: Any) -> Iterator[Finding]:
    """Yield names given twice, and dims that hold the batch."""
    for kind in ("input", "output"):
        seen: set[str] = set()
        for index, tensor in enumerate(getattr(config, kind)):
            if tensor.name and tensor.name in seen:
                consequence = _CONSEQUENCES[kind]
                yield TWICE.at(
                    kind, index, "name", kind=kind, name=tensor.name, consequence=consequence
                )
            seen.add(tensor.name)
    if config.max_batch_size > 0 and _hold_batch(config):
        yield from _each_batch(config)


def check_templates(config: Any) -> Iterator[Finding]:
    """Yield names that still hold a template's variable, and parameters that are nothing else.

    Parameters are free text: a chat's template may be one of them.
    """
    for path, text in _names(config):
        if has_variable(text):
            yield TEMPLATE.at(*path, text=text, field=path[0])
    for key, one in sorted(config.parameters.items()):
        if _VARIABLE.fullmatch(one.string_value):
            yield UNFILLED.at("parameters", key, text=one.string_value, parameter=key)


def without_consequences(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings without those that only follow from a variable in the same field."""
    unfilled = {one.path for one in findings if one.rule is TEMPLATE} - {("name",)}
    return [one for one in findings if one.rule is TEMPLATE or one.path not in unfilled]


def has_variable(text: str) -> bool:
    """Return whether a name still holds a template's variable."""
    return "${" in text or "{{" in text


def _names(config: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for field in ("name", "platform", "backend", "runtime", "default_model_filename"):
        yield (field,), getattr(config, field)
    for kind in ("input", "output"):
        for index, one in enumerate(getattr(config, kind)):
            yield (kind, index, "name"), one.name
    for index, one in enumerate(config.output):
        yield ("output", index, "label_filename"), one.label_filename
    for index, one in enumerate(config.instance_group):
        yield ("instance_group", index, "name"), one.name
    for index, one in enumerate(config.ensemble_scheduling.step):
        yield ("ensemble_scheduling", "step", index, "model_name"), one.model_name


def _hold_batch(config: Any) -> bool:
    """Return whether the dims of all tensors look like whole batches': [1, 3, 224, 224], [1, 10].

    A first 1 alone says little: it may be the channel of a volume, or a sequence's step.
    """
    shapes = [list(one.dims) for kind in ("input", "output") for one in getattr(config, kind)]
    if not all(shapes) or config.HasField("sequence_batching"):
        return False
    first = {dims[0] for dims in shapes}
    images = [dims for dims in shapes if len(dims) >= _IMAGE_RANK]
    if first == {-1}:
        return bool(images)
    return first == {1} and any(map(_has_channels, images))


def _has_channels(dims: list[int]) -> bool:
    return any(1 <= size <= _MOST_CHANNELS for size in (dims[1], dims[-1]))


def _each_batch(config: Any) -> Iterator[Finding]:
    for kind in ("input", "output"):
        for index, tensor in enumerate(getattr(config, kind)):
            yield BATCH_IN_DIMS.at(
                *(kind, index, "dims", 0),
                kind=kind,
                name=tensor.name,
                first=tensor.dims[0],
                rest=", ".join(map(str, tensor.dims[1:])) or "1",
                size=config.max_batch_size,
            )
