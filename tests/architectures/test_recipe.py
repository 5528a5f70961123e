"""What a recipe says of its architecture: one kind, and only values that belong to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager.errors import SpecError
from packager.resolve.architecture import architecture_spec
from packager.schema import ArchitectureConfig, WeightsConfig
from packager.spec.architecture import (
    LayerSpec,
    LayersSpec,
    TorchScriptSpec,
    TorchvisionSpec,
    WeightsSpec,
)
from tests.model_config.composing import recipe

WEIGHTS = WeightsConfig(path="w.pt", skip=["fc."])


def test_each_kind_becomes_its_spec() -> None:
    """Paths are absolute from here on."""
    weights = WeightsSpec(path=Path("w.pt").absolute(), skip=("fc.",))
    assert architecture_spec(
        ArchitectureConfig(torchvision="resnet18", weights=WEIGHTS), []
    ) == TorchvisionSpec(name="resnet18", weights=weights)
    assert architecture_spec(
        ArchitectureConfig(layers=["ReLU"], weights=WEIGHTS), []
    ) == LayersSpec(layers=(LayerSpec(name="ReLU", arguments={}),), weights=weights)
    assert architecture_spec(ArchitectureConfig(torchscript="m.pt"), []) == TorchScriptSpec(
        path=Path("m.pt").absolute()
    )


def test_resnet18_ships_for_any_dataset() -> None:
    """One word on the command line replaces the recipe's own layers."""
    made = recipe("model=fashion_cnn", "architecture=resnet18")
    assert made.architecture == TorchvisionSpec(name="resnet18")


@pytest.mark.parametrize(
    ("config", "where"),
    [
        (ArchitectureConfig(torchvision="resnet18", layers=["ReLU"]), "architecture"),
        (ArchitectureConfig(torchvision=""), "architecture.torchvision"),
        (ArchitectureConfig(torchscript=""), "architecture.torchscript"),
        (ArchitectureConfig(torchscript="m.pt", weights=WEIGHTS), "architecture.weights"),
        (ArchitectureConfig(torchvision="x", arguments={"a": 1}), "architecture.arguments"),
        (
            ArchitectureConfig(torchvision="x", weights=WeightsConfig(path="", skip=["fc."])),
            "architecture.weights.skip",
        ),
        (ArchitectureConfig(layers=[]), "architecture.layers"),
        (ArchitectureConfig(layers=[{"A": 1}]), "architecture.layers[0]"),
        (ArchitectureConfig(module_class="net.py"), "architecture.module_class"),
        (ArchitectureConfig(module_class="net:Net"), "architecture.module_class"),
    ],
)
def test_what_does_not_belong_is_told_at_its_key(config: ArchitectureConfig, where: str) -> None:
    """Two kinds at once, a value left open, and values of another kind."""
    with pytest.raises(SpecError) as caught:
        architecture_spec(config, ["my_nets"])
    assert caught.value.where == where
    assert caught.value.remedy
