"""An output in bfloat16"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """An output in bfloat16"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3].to(torch.bfloat16)
