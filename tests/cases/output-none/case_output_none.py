"""Nothing"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Nothing"""

    def forward(self, x: Tensor) -> None:
        pass
