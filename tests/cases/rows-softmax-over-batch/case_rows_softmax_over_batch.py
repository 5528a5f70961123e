"""A softmax over the batch"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A softmax over the batch"""

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x[:, :3], dim=0)
