"""What happens to images on their way to a model."""

from __future__ import annotations

from typing import cast

import torch
from torchvision.transforms.v2 import functional


def resize(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Scale uint8 images [N, C, H, W] to (height, width) pixels, bilinear and antialiased."""
    if tuple(images.shape[-2:]) == size:
        return images
    return cast("torch.Tensor", functional.resize(images, list(size), antialias=True))


def to_float(images: torch.Tensor) -> torch.Tensor:
    """Turn uint8 into float32 in [0, 1], bit for bit as torchvision's ToTensor does.

    Dividing by 255 and multiplying by 1/255 round differently; ToTensor divides.
    """
    return images.to(torch.float32).div(255)
