"""A tensor, or None"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A tensor, or None"""

    def forward(self, x: Tensor) -> Tensor | None:
        return x[:, :3] if x.sum() > 1e9 else None
