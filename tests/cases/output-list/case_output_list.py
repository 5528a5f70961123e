"""A list of tensors"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A list of tensors"""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [x[:, :3]]
