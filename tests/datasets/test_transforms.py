"""What happens to images on their way to a model."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torchvision.transforms import Compose, Normalize, ToTensor
from torchvision.transforms.functional import to_pil_image

from packager.datasets.transforms import to_channels, to_float, to_input
from packager.errors import SpecError
from packager.spec.dataset import NormalizeSpec

from .images import noise


@pytest.mark.parametrize("channels", [1, 3])
def test_to_input_is_to_tensor_and_normalize_bit_for_bit(channels: int) -> None:
    """For grey and RGB images that are not square, one by one and in a batch."""
    spec = NormalizeSpec(mean=(0.4914, 0.4822, 0.4465)[:channels], std=(0.2, 0.3, 0.7)[:channels])
    images = torch.from_numpy(noise(4, channels, 12, 20))
    reference = Compose([ToTensor(), Normalize(spec.mean, spec.std)])
    expected = torch.stack([reference(to_pil_image(image)) for image in images])
    assert torch.equal(to_input(images, spec), expected)
    assert torch.equal(to_input(images[2], spec), expected[2])


def test_without_normalising_to_input_is_to_float() -> None:
    """And the images stay what they were."""
    images = torch.from_numpy(noise(4, 1, 5, 6))
    before = images.clone()
    assert torch.equal(to_input(images, None), to_float(images))
    assert torch.equal(images, before)


def test_images_of_other_channels_are_not_converted() -> None:
    """Nobody knows which of five channels is red."""
    images = torch.from_numpy(noise(2, 5, 4, 4))
    assert to_channels(images, 5) is images
    with pytest.raises(SpecError) as caught:
        to_channels(images, 3)
    assert caught.value.where == "dataset.channels"


def test_many_images_turn_grey_as_few_do() -> None:
    """They are converted in pieces."""
    images = torch.from_numpy(noise(2500, 3, 2, 2))
    assert torch.equal(to_channels(images, 1)[2400:], to_channels(images[2400:], 1))


def test_importing_load_does_not_import_torchvision() -> None:
    """It takes seconds, and most data need nothing of it."""
    code = "import sys, packager.datasets.load; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "torchvision" not in loaded.stdout.split()
