"""A number beside the tensor"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A number beside the tensor"""

    def forward(self, x: Tensor, n: int) -> Tensor:
        return x[:, :n]
