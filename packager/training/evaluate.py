"""Answers and accuracy of a module on images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from packager.datasets.transforms import to_float

if TYPE_CHECKING:
    from packager.datasets.load import Split

BATCH_SIZE = 500


def predict(module: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return the answers of a module in evaluation mode for uint8 images [N, C, H, W]."""
    with torch.inference_mode():
        return torch.cat([module(to_float(batch)) for batch in torch.split(images, BATCH_SIZE)])


def accuracy(module: nn.Module, split: Split) -> float:
    """Return the part of images in [0, 1] whose highest score is their label's."""
    hits = predict(module.eval(), split.images).argmax(dim=1) == split.labels
    return hits.float().mean().item()
