"""Rows that depend on their position"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Rows that depend on their position"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3] + torch.arange(x.shape[0], device=x.device)[:, None]
