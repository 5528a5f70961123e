"""Answers that are NaN"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Answers that are NaN"""

    def forward(self, x: Tensor) -> Tensor:
        return (x[:, :3] - x[:, :3]) / 0.0
