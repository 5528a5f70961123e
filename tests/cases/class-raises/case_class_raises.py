"""A class whose constructor fails"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A class whose constructor fails"""

    def __init__(self) -> None:
        raise ValueError("no file")
