"""Two inputs where the recipe names one"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Two inputs where the recipe names one"""

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return x[:, :3] + z[:, :3]
