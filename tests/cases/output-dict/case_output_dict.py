"""A dict of tensors"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A dict of tensors"""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"y": x[:, :3]}
