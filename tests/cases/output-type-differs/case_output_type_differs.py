"""Another type than the recipe's"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Another type than the recipe's"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3].argmax(1, keepdim=True).expand(-1, 3).contiguous()
