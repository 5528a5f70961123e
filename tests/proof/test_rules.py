"""Rules: the text to be published is a ModelConfig, and the recipe's."""

from __future__ import annotations

import pytest

from packager.errors import ProofError, SpecError
from packager.model_config.render import render
from packager.proof.result import Verdict
from packager.proof.rules import prove
from tests.model_config.composing import recipe

FASHION = recipe("model=fashion_cnn")


def test_a_rendered_config_passes() -> None:
    """The shipped template is right."""
    assert prove(render(FASHION), FASHION).verdict is Verdict.passed


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("max_batch_size: 128", "max_batch_size: 64", "max_batch_size is 64"),
        ("TYPE_FP32", "TYPE_FP16", "data_type is 'TYPE_FP16'"),
        ("dims: [10]", "dims: [-1, 10]", "output[output0].dims"),
        ("dynamic_batching {\n}", "", "dynamic_batching is 'absent'"),
        ("pytorch_libtorch", "onnxruntime_onnx", "platform is 'onnxruntime_onnx'"),
        ("dynamic_batching {", "parameters { key: 'x' }\ndynamic_batching {", "parameters is"),
    ],
)
def test_a_text_that_says_otherwise_is_refused(old: str, new: str, problem: str) -> None:
    """A broken template publishes nothing; the field is named."""
    text = render(FASHION)
    assert old in text
    with pytest.raises(ProofError) as caught:
        prove(text.replace(old, new), FASHION)
    assert problem in caught.value.problem
    assert caught.value.where == "config.pbtxt"


def test_a_text_that_does_not_parse_is_refused() -> None:
    """With its line."""
    with pytest.raises(SpecError, match="not a valid config"):
        prove("name: fashion", FASHION)
