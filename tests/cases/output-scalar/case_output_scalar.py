"""One number for the whole batch"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """One number for the whole batch"""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum()
