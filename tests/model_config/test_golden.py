"""Whole `config.pbtxt` texts: of every shipped recipe, and of the tutorial's two models."""

from __future__ import annotations

import getpass
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from packager.model_config.parse import parse
from packager.model_config.render import render
from packager.model_config.warmup import Sample, warmup
from packager.resources import folder

from .composing import recipe

if TYPE_CHECKING:
    from .conftest import Check

GOLDEN = Path(__file__).parent / "golden"
MODELS = sorted(path.stem for path in (folder("conf") / "model").glob("*.yaml"))


def _without_labels(config: Any) -> Any:
    for output in config.output:
        output.ClearField("label_filename")
    config.ClearField("version_policy")
    return config


@pytest.mark.parametrize("model", MODELS)
def test_a_shipped_recipe_renders_to_its_golden_text(model: str, equals_golden: Check) -> None:
    """Byte by byte: every change of the text is seen and meant."""
    equals_golden(model, render(recipe(f"model={model}")))


def test_every_value_of_serving_has_its_place(equals_golden: Check) -> None:
    """The optional parts of the template too: GPUs, preferred sizes, delay, warmup."""
    made = recipe(
        "model=fashion_cnn",
        "serving/instance_group=gpu",
        "serving.instance_group.count=2",
        "serving.instance_group.gpus=[0,1]",
        "serving.max_batch_size=64",
        "serving.dynamic_batching.preferred_batch_size=[16,64]",
        "serving.dynamic_batching.max_queue_delay_us=100",
        "serving.warmup=5",
    )
    sent = warmup(made, [Sample(dims=(1, 28, 28), content=bytes(4 * 28 * 28))])
    equals_golden("every_serving_value", render(made, warmup=sent))


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (("model=fashion_cnn", "name=model_pt", "serving=unbatched"), "model_pt"),
        (
            ("model=mnist_cnn", "name=model_mnist", "serving=unbatched", "serving.batch_dim=1"),
            "model_mnist",
        ),
    ],
)
def test_the_tutorials_configurations_come_out(overrides: tuple[str, ...], name: str) -> None:
    """The message is the tutorial's, labels and version policy aside."""
    tutorial = parse((GOLDEN / f"tutorial_{name}.pbtxt").read_text())
    assert tutorial.name == name
    assert _without_labels(parse(render(recipe(*overrides)))) == _without_labels(tutorial)


@pytest.mark.parametrize("model", MODELS)
def test_the_text_says_nothing_of_where_and_when_it_was_made(model: str) -> None:
    """The same recipe is the same text on every host and on every day."""
    text = render(recipe(f"model={model}"))
    assert text == render(recipe(f"model={model}"))
    for word in (socket.gethostname(), str(Path.home()), str(Path.cwd()), getpass.getuser()):
        assert word not in text
    assert not re.search(r"\d{4}-\d\d|\d\d:\d\d|/", text)
    assert text.endswith("\n")
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
