"""Two outputs where the recipe names one"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Two outputs where the recipe names one"""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[:, :3], x
