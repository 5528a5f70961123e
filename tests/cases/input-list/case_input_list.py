"""A list of tensors in"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A list of tensors in"""

    def forward(self, x: list[Tensor]) -> Tensor:
        return x[0][:, :3]
