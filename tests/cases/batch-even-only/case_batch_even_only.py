"""Even batches only"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """Even batches only"""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(2, x.shape[0] // 2, 4).reshape(x.shape[0], 4)[:, :3]
