"""Torchvision's models: their own, but for a stem and a head that fit the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torchvision import models

from packager.architectures.build import build, require_scores
from packager.architectures.torchvision_models import model_names
from packager.errors import SpecError
from packager.export import torchscript
from packager.spec.architecture import TorchvisionSpec
from packager.spec.recipe import ExportForm

if TYPE_CHECKING:
    from pathlib import Path


def made(
    name: str, sample_shape: tuple[int, ...] | None = (3, 32, 32), classes: int | None = 10
) -> nn.Module:
    """Build one of torchvision's models for small images."""
    return build(TorchvisionSpec(name=name), sample_shape=sample_shape, classes=classes)


def test_resnet18_for_rgb_is_torchvisions_own_bit_for_bit() -> None:
    """The same weights from the same seed: nothing is drawn in between."""
    torch.manual_seed(3)
    ours = made("resnet18").state_dict()
    torch.manual_seed(3)
    theirs = models.resnet18(num_classes=10).state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_stem_for_grey_images_differs_in_its_channels_alone() -> None:
    """Kernel, stride, padding and the missing bias stay; every other layer is untouched."""
    module = made("resnet18", (1, 28, 28))
    shapes = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    expected = {
        name: tuple(value.shape) for name, value in models.resnet18(num_classes=10).named_buffers()
    } | {
        name: tuple(value.shape)
        for name, value in models.resnet18(num_classes=10).named_parameters()
    }
    assert shapes == expected | {"conv1.weight": (64, 1, 7, 7)}
    stem = module.get_submodule("conv1")
    assert isinstance(stem, nn.Conv2d)
    assert (stem.stride, stem.padding, stem.bias) == ((2, 2), (3, 3), None)
    require_scores(module, sample_shape=(1, 28, 28), classes=10, training=True)


def test_without_data_a_model_is_imagenets() -> None:
    """Three channels in, a thousand classes out: what published weights fit."""
    head = made("resnet18", None, None).get_submodule("fc")
    assert isinstance(head, nn.Linear)
    assert head.out_features == 1000


@pytest.mark.parametrize(
    ("name", "sample_shape"),
    [
        ("mobilenet_v3_small", (1, 32, 32)),
        ("squeezenet1_1", (1, 32, 32)),
        ("shufflenet_v2_x0_5", (5, 32, 32)),
        ("regnet_y_400mf", (1, 32, 32)),
        ("mnasnet0_5", (1, 32, 32)),
        ("convnext_tiny", (1, 64, 64)),
        ("vit_b_16", (1, 32, 32)),
        ("googlenet", (1, 32, 32)),
        ("inception_v3", (1, 96, 96)),
    ],
)
def test_a_model_of_each_family_scores(name: str, sample_shape: tuple[int, ...]) -> None:
    """One tensor in both modes, auxiliary heads or not."""
    require_scores(made(name, sample_shape, 7), sample_shape=sample_shape, classes=7, training=True)


@pytest.mark.parametrize(
    ("name", "sample_shape"),
    [
        ("squeezenet1_1", (1, 32, 32)),
        ("mnasnet0_5", (1, 32, 32)),
        ("googlenet", (1, 32, 32)),
        ("inception_v3", (1, 96, 96)),
    ],
)
def test_a_model_compiles(name: str, sample_shape: tuple[int, ...], tmp_path: Path) -> None:
    """One tensor from TorchScript too, auxiliary heads or not."""
    torch.manual_seed(0)
    module = made(name, sample_shape, 7).eval()
    torchscript.export(module, form=ExportForm.freeze, path=tmp_path / "model.pt")
    images = torch.rand(3, *sample_shape)
    with torch.inference_mode():
        expected, found = module(images), torchscript.load(tmp_path / "model.pt")(images)
    assert torch.allclose(found, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_a_model_without_auxiliary_heads_keeps_torchvisions_names(name: str) -> None:
    """So that its published weights load, those of the heads skipped."""
    ours = set(made(name, None, None).state_dict())
    with torch.device("meta"):
        theirs = set(models.get_model(name, weights=None, init_weights=False).state_dict())
    assert {name for name in theirs if not name.lower().startswith("aux")} == ours


def test_an_unknown_name_is_told_with_close_ones() -> None:
    """And models of other tasks are not among them."""
    with pytest.raises(SpecError, match="no classification model 'ResNet81'") as caught:
        made("ResNet81")
    assert caught.value.where == "architecture.torchvision"
    assert "resnet18" in caught.value.remedy
    with pytest.raises(SpecError, match="no classification model"):
        made("fcn_resnet50")
    assert "deeplabv3_resnet50" not in model_names()


@pytest.mark.parametrize(
    ("name", "sample_shape", "problem", "remedy"),
    [
        ("vit_b_16", (1, 28, 28), "a multiple of 16 pixels; these are 28 x 28", "[32,32]"),
        ("vit_b_32", (3, 64, 96), "takes square images", "[96,96]"),
        ("maxvit_t", (3, 28, 28), "not divisible by partition size", "dataset.resize"),
        ("resnet18", (784,), "one sample is [784]", "dims"),
        ("resnet18", (-1, 28, 28), "one sample is [-1, 28, 28]", "dims"),
    ],
)
def test_images_that_a_model_is_not_made_for_are_told(
    name: str, sample_shape: tuple[int, ...], problem: str, remedy: str
) -> None:
    """With a size that it takes."""
    with pytest.raises(SpecError) as caught:
        made(name, sample_shape)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert caught.value.where == "architecture.torchvision"


def test_images_too_small_for_a_model_are_told() -> None:
    """Pooling has nothing left: torch's words, and dataset.resize as the way out."""
    with pytest.raises(SpecError, match=r"does not take a sample of shape \[1, 28, 28\]") as caught:
        require_scores(made("alexnet", (1, 28, 28)), sample_shape=(1, 28, 28), classes=10)
    assert "dataset.resize" in caught.value.remedy
