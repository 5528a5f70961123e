"""Whether a parsed `ModelConfig` says what the recipe says, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.parse import schema
from packager.model_config.render import PLATFORM, config_dims, label_filename

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.spec.recipe import Recipe
    from packager.spec.tensors import TensorSpec


def differences(config: Any, recipe: Recipe) -> list[str]:
    """Return a line for every field of `config` that is not what `recipe` asks for."""
    return [
        f"{field} is {found!r}; the recipe says {expected!r}"
        for field, found, expected in _fields(config, recipe)
        if found != expected
    ]


def _fields(config: Any, recipe: Recipe) -> Iterator[tuple[str, object, object]]:
    serving = recipe.serving
    yield "name", config.name, recipe.name
    yield "platform", config.platform, PLATFORM
    yield "max_batch_size", config.max_batch_size, serving.max_batch_size
    yield from _tensors("input", config.input, recipe.inputs, recipe)
    yield from _tensors("output", config.output, recipe.outputs, recipe)
    for output, tensor in zip(config.output, recipe.outputs, strict=False):
        field = f"output[{tensor.name}].label_filename"
        yield field, output.label_filename, label_filename(tensor, recipe)
    yield from _instance_group(config, recipe)
    yield from _dynamic_batching(config, recipe)
    known = {"name", "platform", "max_batch_size", "input", "output", "instance_group"}
    extra = sorted({field.name for field, _ in config.ListFields()} - known - {"dynamic_batching"})
    yield "further fields", extra, []


def _tensors(
    side: str, found: Sequence[Any], expected: Sequence[TensorSpec], recipe: Recipe
) -> Iterator[tuple[str, object, object]]:
    names = schema().DataType
    yield f"{side} names", [io.name for io in found], [tensor.name for tensor in expected]
    for io, tensor in zip(found, expected, strict=False):
        field = f"{side}[{tensor.name}]"
        yield f"{field}.data_type", names.Name(io.data_type), tensor.data_type.config_name
        yield f"{field}.dims", tuple(io.dims), config_dims(tensor, recipe.serving)


def _instance_group(config: Any, recipe: Recipe) -> Iterator[tuple[str, object, object]]:
    expected = recipe.serving.instance_group
    kinds = schema().ModelInstanceGroup.Kind
    yield (
        "instance_group",
        [
            (kinds.Name(group.kind), group.count, tuple(group.gpus))
            for group in config.instance_group
        ],
        [(expected.kind.value, expected.count, expected.gpus)],
    )


def _dynamic_batching(config: Any, recipe: Recipe) -> Iterator[tuple[str, object, object]]:
    expected = recipe.serving.dynamic_batching
    found = config.dynamic_batching if config.HasField("dynamic_batching") else None
    yield (
        "dynamic_batching",
        found and (found.max_queue_delay_microseconds, tuple(found.preferred_batch_size)),
        expected and (expected.max_queue_delay_us, expected.preferred_batch_size),
    )
