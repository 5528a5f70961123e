"""An output without the batch"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """An output without the batch"""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(0)[:3]
