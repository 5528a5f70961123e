"""Changes to a batch of training images; whole batches at once, on their device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from packager.spec.training import AugmentationSpec

LARGEST_ERASED = 0.4
"""The largest side of an erased rectangle, as a part of the image's."""


def augment(images: torch.Tensor, spec: AugmentationSpec) -> torch.Tensor:
    """Return changed uint8 images [N, C, H, W]; torch's own generator decides how."""
    if spec.horizontal_flip:
        images = _flipped(images)
    if spec.crop_padding:
        images = _cropped(images, spec.crop_padding)
    if spec.erasing_probability:
        images = _erased(images, spec.erasing_probability)
    return images


def _flipped(images: torch.Tensor) -> torch.Tensor:
    turn = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(turn.view(-1, 1, 1, 1), images.flip(3), images)


def _cropped(images: torch.Tensor, padding: int) -> torch.Tensor:
    """Cut the old size out of images with a black border, somewhere for each."""
    count, channels, height, width = images.shape
    padded = functional.pad(images, (padding,) * 4)
    top = torch.randint(0, 2 * padding + 1, (count, 1), device=images.device)
    left = torch.randint(0, 2 * padding + 1, (count, 1), device=images.device)
    rows = top + torch.arange(height, device=images.device)
    columns = left + torch.arange(width, device=images.device)
    flat = (rows.unsqueeze(2) * padded.shape[3] + columns.unsqueeze(1)).view(count, 1, -1)
    chosen = padded.flatten(2).gather(2, flat.expand(-1, channels, -1))
    return chosen.view(images.shape)


def _erased(images: torch.Tensor, probability: float) -> torch.Tensor:
    """Overwrite a rectangle of some images with noise."""
    count, _, height, width = images.shape
    rows = _span(count, height, images.device)
    columns = _span(count, width, images.device)
    chosen = (torch.rand(count, device=images.device) < probability).view(-1, 1, 1)
    inside = (rows.unsqueeze(2) & columns.unsqueeze(1) & chosen).unsqueeze(1)
    noise = torch.randint_like(images, 256)
    return torch.where(inside, noise, images)


def _span(count: int, size: int, device: torch.device) -> torch.Tensor:
    """Return for each image which of `size` places lie in a random stretch, bool [count, size]."""
    length = 1 + torch.rand(count, 1, device=device) * (LARGEST_ERASED * size - 1)
    start = torch.rand(count, 1, device=device) * (size - length)
    places = torch.arange(size, device=device)
    return (places >= start) & (places < start + length)
