"""A batch of 1 only"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A batch of 1 only"""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(1, 4)[:, :3]
