"""A vector for a module of images"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A vector for a module of images"""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).flatten(1)[:, :3]
