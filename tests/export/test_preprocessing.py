"""Raw pixels into an artifact: bit for bit what training's preparation gives the module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from packager.datasets.transforms import to_float, to_input
from packager.export.preprocessing import Normalize, with_preprocessing
from packager.export.torchscript import export, load
from packager.spec.dataset import NormalizeSpec
from packager.spec.recipe import ExportForm
from tests.proof.artifacts import EXACT

if TYPE_CHECKING:
    from pathlib import Path

IMAGENET = NormalizeSpec(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
GREY = NormalizeSpec(mean=(0.2860,), std=(0.3530,))
CASES = [(3, None), (3, IMAGENET), (1, None), (1, GREY)]


def every_value(channels: int) -> torch.Tensor:
    """Return images with all 256 values in every channel, [2, C, 16, 16]."""
    ramp = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    return torch.cat([ramp, ramp.flip(3)]).repeat(1, channels, 1, 1)


def net(channels: int) -> nn.Sequential:
    """Return a convolution with batch norm that has seen something."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(784, 10)
    )
    module(torch.rand(8, channels, 16, 16))
    return module.eval()


@pytest.mark.parametrize(("channels", "normalize"), CASES)
@pytest.mark.parametrize("form", EXACT)
def test_prepared_pixels_are_trainings_bit_for_bit(
    channels: int, normalize: NormalizeSpec | None, form: ExportForm, tmp_path: Path
) -> None:
    """All 256 values of every channel, in Python and from the artifact."""
    images = every_value(channels)
    wrapped = with_preprocessing(nn.Identity(), normalize)
    assert torch.equal(wrapped(images), to_input(images, normalize))
    export(wrapped, form=form, path=tmp_path / "model.pt")
    artifact = load(tmp_path / "model.pt")
    for _ in range(3):  # the first runs only profile
        assert torch.equal(artifact(images), to_input(images, normalize))


@pytest.mark.parametrize(("channels", "normalize"), CASES)
def test_a_wrapped_module_answers_as_the_bare_one(
    channels: int, normalize: NormalizeSpec | None, tmp_path: Path
) -> None:
    """Bit for bit from raw pixels; the scripted artifact too, for any batch."""
    module, images = net(channels), every_value(channels)
    wrapped = with_preprocessing(module, normalize)
    export(wrapped, form=ExportForm.none, path=tmp_path / "model.pt")
    artifact = load(tmp_path / "model.pt")
    with torch.inference_mode():
        for batch in (images, images[:1]):
            expected = module(to_input(batch, normalize))
            assert torch.equal(wrapped(batch), expected)
            assert torch.equal(artifact(batch), expected)


def test_multiplying_by_a_255th_would_not_do() -> None:
    """Why it divides."""
    images = every_value(1)
    assert not torch.equal(images.float() * (1 / 255), to_float(images))


def test_the_module_inside_is_the_same_one_in_the_same_mode() -> None:
    """Nothing is copied and no mode is changed."""
    module = net(1)
    module[1].train()
    wrapped = with_preprocessing(module, GREY)
    assert wrapped.module is module
    assert module[1].training
    assert not wrapped.training
    assert not wrapped.normalize.training
    assert with_preprocessing(net(1).train(), GREY).training


def test_mean_and_deviation_are_saved_with_the_module() -> None:
    """As buffers, so they move to a device with it."""
    names = [name for name, _ in Normalize(IMAGENET).named_buffers()]
    assert names == ["mean", "std"]
