"""A device fixed to the CPU for instances on GPUs"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A device fixed to the CPU for instances on GPUs"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3] + torch.ones(x.shape[0], 3, device="cpu")
