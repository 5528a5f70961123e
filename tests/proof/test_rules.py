"""Rules: the text to be published is a ModelConfig, and the recipe's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.errors import ProofError, SpecError
from packager.model_config.render import render
from packager.proof.result import Verdict
from packager.proof.rules import prove
from tests.model_config.composing import recipe

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe

FASHION = recipe("model=fashion_cnn")
HOSTS = recipe("model=fashion_cnn", "serving/hosts=cpu_and_gpu")


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


def _on_hosts(made: Recipe) -> dict[str, str]:
    return {host.name: render(made.on(host)) for host in made.serving.hosts}


def test_the_configs_of_hosts_are_proven_too() -> None:
    """Each is the recipe's, with the host's instances."""
    finding = prove(render(HOSTS), HOSTS, _on_hosts(HOSTS)).finding
    assert finding.startswith("config.pbtxt, configs/cpu.pbtxt, configs/gpu.pbtxt parse and equal")
    assert "kind: KIND_GPU" in _on_hosts(HOSTS)["gpu"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("kind: KIND_GPU", "kind: KIND_CPU"),
        ("max_batch_size: 128", "max_batch_size: 64"),
        ("dims: [10]", "dims: [-1]"),
    ],
)
def test_a_hosts_config_that_says_otherwise_is_refused(old: str, new: str) -> None:
    """By its own name."""
    texts = _on_hosts(HOSTS)
    texts["gpu"] = texts["gpu"].replace(old, new)
    with pytest.raises(ProofError) as caught:
        prove(render(HOSTS), HOSTS, texts)
    assert caught.value.where == "configs/gpu.pbtxt"


def test_hosts_and_texts_belong_together() -> None:
    """Neither a host without a config nor a config without its host is published."""
    for made, texts in ((HOSTS, {}), (FASHION, _on_hosts(HOSTS))):
        with pytest.raises(ProofError, match="there are configs for hosts"):
            prove(render(made), made, texts)


def test_a_text_that_does_not_parse_is_refused() -> None:
    """With its line."""
    with pytest.raises(SpecError, match="not a valid config"):
        prove("name: fashion", FASHION)
