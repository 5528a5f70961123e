"""At most 64 rows"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """At most 64 rows"""

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[0] <= 64, "too many rows"
        return x[:, :3]
