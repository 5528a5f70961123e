"""What happens to images on their way to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch

from packager.errors import SpecError

if TYPE_CHECKING:
    from packager.spec.dataset import NormalizeSpec

RED, GREEN, BLUE = 19595, 38470, 7471
"""ITU-R 601-2 luma in 65536ths, as Pillow converts RGB to grey."""

CHUNK = 1024
"""Images converted at a time, so that what lies in between stays small."""


def resize(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Scale uint8 images [..., C, H, W] to (height, width) pixels, bilinear and antialiased."""
    if tuple(images.shape[-2:]) == size:
        return images
    # Imported here: it takes seconds, and most data keep their size.
    from torchvision.transforms.v2 import functional  # noqa: PLC0415

    return cast("torch.Tensor", functional.resize(images, list(size), antialias=True))


def to_channels(images: torch.Tensor, channels: int) -> torch.Tensor:
    """Make uint8 images [N, C, H, W] grey (1) or RGB (3), value for value as Pillow does.

    Raises:
        SpecError: they are neither grey nor RGB.
    """
    found = images.shape[1]
    if found == channels:
        return images
    if found not in {1, 3}:
        raise SpecError(
            f"is {channels}; the images have {found}, which only fit as they are",
            where="dataset.channels",
            remedy="leave it out",
        )
    if channels == 3:
        return images.repeat(1, 3, 1, 1)
    return torch.cat([_grey(chunk) for chunk in torch.split(images, CHUNK)])


def to_float(images: torch.Tensor) -> torch.Tensor:
    """Turn uint8 into float32 in [0, 1], bit for bit as torchvision's ToTensor does.

    Dividing by 255 and multiplying by 1/255 round differently; ToTensor divides.
    """
    return images.to(torch.float32).div(255)


def to_input(images: torch.Tensor, normalize: NormalizeSpec | None) -> torch.Tensor:
    """Turn uint8 images [..., C, H, W] into the float32 that a model is given.

    They are divided by 255; then, if asked for, the mean is taken away and the rest divided by
    the deviation, bit for bit as torchvision's ToTensor and Normalize do.
    """
    pixels = to_float(images)
    if normalize is None:
        return pixels
    mean, std = (
        torch.tensor(values, dtype=torch.float32, device=pixels.device).view(-1, 1, 1)
        for values in (normalize.mean, normalize.std)
    )
    return pixels.sub_(mean).div_(std)


def _grey(images: torch.Tensor) -> torch.Tensor:
    red, green, blue = images.to(torch.int32).unbind(1)
    luma = (red * RED + green * GREEN + blue * BLUE + 0x8000) >> 16
    return luma.to(torch.uint8).unsqueeze(1)
