"""Answers that are random"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Answers that are random"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3] + torch.rand_like(x[:, :3])
