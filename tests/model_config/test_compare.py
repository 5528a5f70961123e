"""Comparing: no field of the message can change without a line that says so."""

from __future__ import annotations

from typing import Any

import pytest

from packager.model_config.compare import differences
from packager.model_config.parse import parse, schema
from packager.model_config.render import render

from .composing import recipe

FASHION = "model=fashion_cnn"
PARENTS = {
    "": "ModelConfig",
    "input": "ModelInput",
    "output": "ModelOutput",
    "instance_group": "ModelInstanceGroup",
    "dynamic_batching": "ModelDynamicBatching",
}
"""The messages that a rendered config has, by the field that holds them."""

FIELDS = [
    (parent, field.name)
    for parent, kind in PARENTS.items()
    for field in getattr(schema(), kind).DESCRIPTOR.fields
]


def _rendered() -> Any:
    return parse(render(recipe(FASHION)))


def _change(message: Any, name: str) -> None:
    """Give one field another value, whatever its type."""
    field = message.DESCRIPTOR.fields_by_name[name]
    value = getattr(message, name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key_type = field.message_type.fields_by_name["key"]
        key = _another(key_type, None)
        if field.message_type.fields_by_name["value"].message_type is not None:
            value[key].SetInParent()
        else:
            value[key] = "x"
    elif field.message_type is not None and hasattr(value, "add"):
        value.add()
    elif field.message_type is not None:
        if message.HasField(name):
            message.ClearField(name)
        else:
            value.SetInParent()
    elif hasattr(value, "append"):
        value.append(_another(field, None))
    else:
        setattr(message, name, _another(field, value))


def _another(field: Any, value: Any) -> Any:
    if field.enum_type is not None:
        return next(number for number in field.enum_type.values_by_number if number != value)
    if field.type == field.TYPE_BOOL:
        return not value
    if field.type == field.TYPE_STRING:
        return f"{value or ''}x"
    return (value or 0) + 1


def test_a_rendered_config_equals_its_recipe() -> None:
    """No line where nothing differs."""
    assert differences(_rendered(), recipe(FASHION)) == []


@pytest.mark.parametrize(("parent", "field"), FIELDS)
def test_a_change_of_any_field_is_reported(parent: str, field: str) -> None:
    """Of the model, of a tensor, of the instance group, of the batcher."""
    config = _rendered()
    message = getattr(config, parent) if parent else config
    _change(message[0] if parent and hasattr(message, "add") else message, field)
    assert config != _rendered()
    assert differences(config, recipe(FASHION))


def test_a_difference_names_field_and_both_values() -> None:
    """What is found, and what the recipe says."""
    config = _rendered()
    config.input[0].dims[1] = 29
    assert differences(config, recipe(FASHION)) == [
        "input[input0].dims is [1, 29, 28]; the recipe says [1, 28, 28]"
    ]


def test_every_difference_is_reported() -> None:
    """Not only the first."""
    config = _rendered()
    config.name, config.max_batch_size = "other", 4
    assert len(differences(config, recipe(FASHION))) == 2


@pytest.mark.parametrize(
    "override",
    [
        "serving.max_batch_size=64",
        "serving.instance_group.count=2",
        "serving/instance_group=auto",
        "serving=unbatched",
        "serving.dynamic_batching=null",
        "serving.dynamic_batching.max_queue_delay_us=1",
        "serving.dynamic_batching.preferred_batch_size=[4]",
        "name=other",
        "inputs.0.name=other",
        "outputs.0.data_type=FP16",
        "outputs.0.dims=[-1]",
    ],
)
def test_another_recipe_differs(override: str) -> None:
    """A config is not taken for another recipe's."""
    assert differences(_rendered(), recipe(FASHION, override))
