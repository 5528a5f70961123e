"""A module that cannot be imported"""

import torch
from torch import Tensor, nn


class Module(nn.Module):
    """A module that cannot be imported"""

    import no_such_package
