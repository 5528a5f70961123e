"""A string"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A string"""

    def forward(self, x: Tensor) -> str:
        return "y"
