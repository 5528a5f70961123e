"""Rendering: whatever a recipe says, the text parses, says the same, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.model_config.compare import differences
from packager.model_config.parse import parse
from packager.model_config.render import config_dims, label_filename, quote, render
from packager.spec.tensors import DataType

from .composing import recipe
from .specs import HOSTILE_TEXTS, recipes, tensor, with_tensors, without_data

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe


@given(made=recipes())
def test_any_valid_recipe_renders_to_what_it_says(made: Recipe) -> None:
    """The text parses and differs in no field."""
    assert differences(parse(render(made)), made) == []


@given(names=st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True))
def test_any_tensor_name_comes_back_exactly(names: list[str]) -> None:
    """Names are free text."""
    config = parse(render(with_tensors([tensor(names[0], 4)], [tensor(names[1], 3)])))
    assert [config.input[0].name, config.output[0].name] == names


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_hostile_name_injects_no_field(text: str) -> None:
    """Quotes, braces, line ends and Jinja's own signs stay part of the name."""
    plain = parse(render(with_tensors([tensor("x", 4)], [tensor("y", 3)])))
    config = parse(render(with_tensors([tensor(text, 4)], [tensor("y", 3)])))
    assert config.input[0].name == text
    config.input[0].name = "x"
    assert config == plain


@given(text=st.text())
def test_a_quoted_string_is_one_line_of_plain_ascii(text: str) -> None:
    """No editor, shell or log can break it."""
    quoted = quote(text)
    assert quoted.isascii()
    assert quoted.isprintable()


@pytest.mark.parametrize("data_type", DataType)
def test_every_data_type_has_its_name(data_type: DataType) -> None:
    """BYTES is TYPE_STRING; the others are TYPE_ and their own name."""
    made = with_tensors([tensor("x", 4, data_type=data_type)], [tensor("y", 3)])
    expected = "TYPE_STRING" if data_type is DataType.BYTES else f"TYPE_{data_type.value}"
    assert f"  data_type: {expected}\n" in render(made)
    assert differences(parse(render(made)), made) == []


@pytest.mark.parametrize(
    ("overrides", "dims"),
    [
        ((), (1, 28, 28)),
        (("serving.batch_dim=7",), (1, 28, 28)),
        (("serving=unbatched",), (-1, 1, 28, 28)),
        (("serving=unbatched", "serving.batch_dim=1"), (1, 1, 28, 28)),
        (("serving=unbatched", "serving.batch_dim=null"), (1, 28, 28)),
    ],
)
def test_the_batch_dimension_is_written_only_without_batching(
    overrides: tuple[str, ...], dims: tuple[int, ...]
) -> None:
    """With max_batch_size > 0 Triton adds it itself."""
    made = recipe("model=fashion_cnn", *overrides)
    assert config_dims(made.inputs[0], made.serving) == dims
    assert tuple(parse(render(made)).input[0].dims) == dims


@pytest.mark.parametrize(
    ("dims", "labels"),
    [
        ((10,), "labels.txt"),
        ((4, 10), "labels.txt"),
        ((9,), ""),
        ((10, 4), ""),
        ((-1,), ""),
        ((), ""),
    ],
)
def test_only_one_score_a_class_gets_labels(dims: tuple[int, ...], labels: str) -> None:
    """An output of another size has no class names."""
    made = with_tensors([tensor("x", 4)], [tensor("y", *dims)])
    assert label_filename(made.outputs[0], made) == labels
    assert parse(render(made)).output[0].label_filename == labels


def test_the_order_of_tensors_is_kept() -> None:
    """Libtorch passes and returns them by position."""
    made = with_tensors([tensor("b", 1), tensor("a", 2)], [tensor("d", 3), tensor("c", 4)])
    config = parse(render(made))
    assert [io.name for io in (*config.input, *config.output)] == ["b", "a", "d", "c"]


def test_only_floats_are_scores() -> None:
    """Ten indices are no scores of ten classes."""
    made = with_tensors([tensor("x", 4)], [tensor("y", 10, data_type=DataType.INT64)])
    assert label_filename(made.outputs[0], made) == ""


def test_without_known_classes_there_are_no_labels() -> None:
    """No dataset, or one that has not been read yet."""
    outputs = [tensor("y", 10), tensor("z")]
    made = without_data([tensor("x", 4)], outputs)
    assert [label_filename(one, made) for one in made.outputs] == ["", ""]


def test_one_number_a_sample_is_a_reshaped_dimension_of_one() -> None:
    """Triton refuses empty dims; without batching the batch dimension stands there."""
    made = with_tensors([tensor("x")], [tensor("y")])
    config = parse(render(made))
    for io in (config.input[0], config.output[0]):
        assert list(io.dims) == [1]
        assert io.HasField("reshape")
        assert list(io.reshape.shape) == []
    assert differences(config, made) == []
    unbatched = replace(made, serving=recipe("model=fashion_cnn", "serving=unbatched").serving)
    assert "dims: [-1]\n" in render(unbatched)
    assert "reshape" not in render(unbatched)
