"""A class of a package that is not trusted"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A class of a package that is not trusted"""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :3]
