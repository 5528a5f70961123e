"""Rows that depend on the batch's size"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Rows that depend on the batch's size"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3] * x.shape[0]
