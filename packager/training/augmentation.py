"""Changes to a batch of training images; whole batches at once, on their device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from packager.spec.training import AugmentationSpec


def augment(images: torch.Tensor, spec: AugmentationSpec) -> torch.Tensor:
    """Return changed uint8 images [N, C, H, W]; torch's own generator decides how."""
    if spec.horizontal_flip:
        images = _flipped(images)
    if spec.crop_padding:
        images = _cropped(images, spec.crop_padding)
    if spec.cutout_size:
        images = _cut_out(images, spec.cutout_size, spec.cutout_probability)
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


def _cut_out(images: torch.Tensor, size: int, probability: float) -> torch.Tensor:
    """Blacken a square of `size` pixels, cut off at the border, in some images.

    Source: T. DeVries and G. W. Taylor, "Improved regularization of convolutional neural networks
    with cutout" (2017).
    """
    count, _, height, width = images.shape
    rows = _span(count, height, size, images.device)
    columns = _span(count, width, size, images.device)
    chosen = (torch.rand(count, device=images.device) < probability).view(-1, 1, 1)
    inside = (rows.unsqueeze(2) & columns.unsqueeze(1) & chosen).unsqueeze(1)
    return images.masked_fill(inside, 0)


def _span(count: int, side: int, size: int, device: torch.device) -> torch.Tensor:
    """Return for each image which of `side` places are in a stretch of `size`, bool [N, side]."""
    start = torch.randint(0, side, (count, 1), device=device) - size // 2
    places = torch.arange(side, device=device)
    return (places >= start) & (places < start + size)
