"""A tuple in a tuple"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A tuple in a tuple"""

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        return x, (x, x)
