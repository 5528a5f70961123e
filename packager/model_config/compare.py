"""Whether a parsed `ModelConfig` says what the recipe says, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.parse import schema
from packager.model_config.render import (
    PLATFORM,
    STAGED_VERSION,
    config_dims,
    is_number,
    label_filename,
)
from packager.spec.serving import VersionPolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.model_config.warmup import WarmupInput
    from packager.spec.recipe import Recipe
    from packager.spec.serving import VersionPolicySpec
    from packager.spec.tensors import TensorSpec


def differences(config: Any, recipe: Recipe, warmup: Sequence[WarmupInput] = ()) -> list[str]:
    """Return a line for every field of `config`, however deep, that `recipe` does not ask for.

    `warmup` is what the model is run with while it loads.
    """
    return [
        f"{field} is {found!r}; the recipe says {expected!r}"
        for field, found, expected in _differences(config, expected_config(recipe, warmup), "")
    ]


def expected_config(recipe: Recipe, warmup: Sequence[WarmupInput] = ()) -> Any:
    """Return the `ModelConfig` message that the recipe asks for, made without its text."""
    pb = schema()
    serving = recipe.serving
    config = pb.ModelConfig(
        name=recipe.name,
        platform=PLATFORM,
        max_batch_size=serving.max_batch_size,
        input=[pb.ModelInput(**_tensor(tensor, recipe)) for tensor in recipe.inputs],
        output=[
            pb.ModelOutput(**_tensor(tensor, recipe), label_filename=label_filename(tensor, recipe))
            for tensor in recipe.outputs
        ],
        instance_group=[
            pb.ModelInstanceGroup(
                kind=serving.instance_group.kind.value,
                count=serving.instance_group.count,
                gpus=serving.instance_group.gpus,
            )
        ],
    )
    if serving.dynamic_batching is not None:
        config.dynamic_batching.SetInParent()
        config.dynamic_batching.preferred_batch_size.extend(
            serving.dynamic_batching.preferred_batch_size
        )
        config.dynamic_batching.max_queue_delay_microseconds = (
            serving.dynamic_batching.max_queue_delay_us
        )
    if warmup and serving.warmup:
        config.model_warmup.append(_warmup(serving.warmup, warmup))
    _set_version_policy(config, serving.version_policy)
    return config


def _warmup(count: int, inputs: Sequence[WarmupInput]) -> Any:
    made = schema().ModelWarmup(name="one sample", batch_size=1, count=count)
    for one in inputs:
        given = made.inputs[one.tensor.name]
        given.data_type = schema().DataType.Value(one.tensor.data_type.config_name)
        given.dims.extend(one.dims)
        given.input_data_file = one.file
    return made


def _set_version_policy(config: Any, policy: VersionPolicySpec) -> None:
    match policy.kind:
        case VersionPolicyKind.all:
            config.version_policy.all.SetInParent()
        case VersionPolicyKind.specific:
            config.version_policy.specific.versions.extend(policy.specific(STAGED_VERSION))
        case VersionPolicyKind.latest if policy.num_versions > 1:
            config.version_policy.latest.num_versions = policy.num_versions
        case _:
            pass  # Triton's default


def _tensor(tensor: TensorSpec, recipe: Recipe) -> dict[str, object]:
    return {
        "name": tensor.name,
        "data_type": tensor.data_type.config_name,
        "dims": config_dims(tensor, recipe.serving),
        "reshape": schema().ModelTensorReshape() if is_number(tensor, recipe.serving) else None,
    }


def _differences(found: Any, expected: Any, prefix: str) -> Iterator[tuple[str, object, object]]:
    """Yield (path, found, expected) of every field in which two messages differ."""
    for field in found.DESCRIPTOR.fields:
        path = f"{prefix}{field.name}"
        if _is_map(field) or field.message_type is None:
            ours, theirs = _plain(found, field), _plain(expected, field)
            if ours != theirs:
                yield path, ours, theirs
        elif field.is_repeated:
            yield from _list_differences(
                getattr(found, field.name), getattr(expected, field.name), path
            )
        elif found.HasField(field.name) != expected.HasField(field.name):
            yield path, _presence(found, field), _presence(expected, field)
        elif found.HasField(field.name):
            yield from _differences(
                getattr(found, field.name), getattr(expected, field.name), f"{path}."
            )


def _list_differences(
    found: Sequence[Any], expected: Sequence[Any], path: str
) -> Iterator[tuple[str, object, object]]:
    if len(found) != len(expected):
        yield f"number of {path}", len(found), len(expected)
    for index, (ours, theirs) in enumerate(zip(found, expected, strict=False)):
        yield from _differences(ours, theirs, f"{path}[{getattr(theirs, 'name', '') or index}].")


def _presence(message: Any, field: Any) -> str:
    return "present" if message.HasField(field.name) else "absent"


def _is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _plain(message: Any, field: Any) -> object:
    """Return a field without sub-messages (or a map) as a Python value; enums by name."""
    value = getattr(message, field.name)
    if _is_map(field):
        return {key: str(item) for key, item in value.items()}
    names = field.enum_type.values_by_number if field.enum_type is not None else None
    items = list(value) if field.is_repeated else [value]
    if names is not None:
        items = [names[item].name if item in names else item for item in items]
    return items if field.is_repeated else items[0]
