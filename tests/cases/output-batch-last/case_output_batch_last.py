"""An output with the batch last"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """An output with the batch last"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3].T
