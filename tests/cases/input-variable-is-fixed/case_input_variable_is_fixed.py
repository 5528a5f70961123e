"""An input declared variable that is not"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """An input declared variable that is not"""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)
