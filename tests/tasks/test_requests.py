"""The printed requests; `tests/proof/test_live_tensors.py` runs them on a real server."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packager.spec.recipe import ExportSpec, Pixels
from packager.spec.tensors import DataType
from packager.tasks.requests import examples
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data

FASHION = recipe("model=fashion_cnn")
REPOSITORY = "model_repository"


def test_an_image_is_grey() -> None:
    """In floats or as raw pixels."""
    floats = examples(FASHION, repository=REPOSITORY)
    assert "about one grey image" in floats
    assert '"datatype": "FP32", "data": [0.5] * 784' in floats
    pixels = replace(
        FASHION,
        inputs=(tensor("x", 1, 28, 28, data_type=DataType.UINT8),),
        export=ExportSpec(pixels=Pixels.uint8),
    )
    text = examples(pixels, repository=REPOSITORY)
    assert '"datatype": "UINT8", "data": [128] * 784' in text


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        (DataType.INT64, "1"),
        (DataType.INT8, "1"),
        (DataType.BOOL, "True"),
        (DataType.FP64, "0.5"),
    ],
)
def test_values_are_ones_that_models_take(data_type: DataType, value: str) -> None:
    """Integers may be indices into a small table."""
    made = without_data([tensor("x", 3, data_type=data_type)], [tensor("y", 3)])
    text = examples(made, repository=REPOSITORY)
    assert f'"shape": [1, 3], "datatype": "{data_type.value}", "data": [{value}] * 3' in text
    assert "about one made-up sample" in text


@pytest.mark.parametrize(
    ("overrides", "shape"),
    [
        ((), [1, 2, 32]),
        (("serving=unbatched",), [1, 2, 32]),
        (("serving=unbatched", "serving.batch_dim=4"), [4, 2, 32]),
        (("serving=unbatched", "serving.batch_dim=null"), [2, 32]),
    ],
)
def test_what_varies_has_the_size_that_was_proven(
    overrides: tuple[str, ...], shape: list[int]
) -> None:
    """And one row, where any number may be sent."""
    serving = recipe("model=fashion_cnn", *overrides).serving
    made = without_data([tensor("x", 2, -1)], [tensor("y", 2, -1)], serving)
    assert f'"shape": {shape}, ' in examples(made, repository=REPOSITORY)


def test_every_input_is_sent() -> None:
    """By its name."""
    made = without_data([tensor("a", 2), tensor("b", 3)], [tensor("y", 2), tensor("z", 3)])
    text = examples(made, repository=REPOSITORY)
    assert text.count('{"name": "a"') == text.count('{"name": "b"') == 2
    assert 'for output in json.load(answer)["outputs"]' in text
