"""Names and dims that Triton takes as they are, and that no request can then satisfy.

Triton checks none of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Judge, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    wording="dims of {kind} '{name}' begin with -1 where max_batch_size is {size}: Triton adds the"
    " batch itself, and a request then needs one dimension more",
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
RULES = (TWICE, BATCH_IN_DIMS, TEMPLATE)

_CONSEQUENCES = {
    "input": "Triton expects both, and every request is refused",
    "output": "only the first can be asked for",
}
_IMAGE_RANK = 4


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
            if config.max_batch_size > 0 and _holds_batch(tensor.dims):
                yield BATCH_IN_DIMS.at(
                    *(kind, index, "dims", 0),
                    kind=kind,
                    name=tensor.name,
                    size=config.max_batch_size,
                )


def check_templates(config: Any) -> Iterator[Finding]:
    """Yield names that still hold a template's variable."""
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("name",), config.name),
        *((("input", index, "name"), one.name) for index, one in enumerate(config.input)),
        *((("output", index, "name"), one.name) for index, one in enumerate(config.output)),
        *((("parameters", key), one.string_value) for key, one in config.parameters.items()),
    ]
    for path, text in named:
        if "${" in text or "{{" in text:
            yield TEMPLATE.at(*path, text=text, field=path[0])


def _holds_batch(dims: Any) -> bool:
    """Return whether dims look like a whole batch's: [-1, channels, height, width]."""
    return len(dims) >= _IMAGE_RANK and dims[0] == -1 and all(size > 0 for size in dims[1:])
