"""Another size than the recipe's"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Another size than the recipe's"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :2]
