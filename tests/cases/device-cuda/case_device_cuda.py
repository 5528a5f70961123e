"""A device that is fixed to CUDA"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A device that is fixed to CUDA"""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] > 4096:
            return x[:, :3].to("cuda:0")
        return x[:, :3]
