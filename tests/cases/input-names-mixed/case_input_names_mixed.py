"""One name with an index, one without"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """One name with an index, one without"""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a[:, :3] + b[:, :3]
