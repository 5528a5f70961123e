"""Batch statistics at inference"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Batch statistics at inference"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3] - x[:, :3].mean(0, keepdim=True)
