"""A forward() that fails"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A forward() that fails"""

    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("no")
