"""A module"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A module"""

    pass
