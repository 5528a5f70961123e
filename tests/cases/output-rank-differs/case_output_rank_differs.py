"""Another rank than the recipe's"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Another rank than the recipe's"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3, None]
