"""Torchvision's two models with auxiliary heads, without them.

As they are, TorchScript makes them answer with a named tuple whose other members are None. The
names of their weights stay torchvision's. Imported when one is built: torchvision costs seconds.
"""

# ruff: noqa: TC002, TC003 - TorchScript resolves annotations at run time

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torchvision.models import GoogLeNet, Inception3


class Inception(Inception3):  # type: ignore[misc]  # torchvision has no types
    """Images, float32 [N, 3, H, W] with H and W at least 75, to scores [N, classes]."""

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102  see the class
        scores: Tensor = self._forward(self._transform_input(x))[0]
        return scores


class GoogLe(GoogLeNet):  # type: ignore[misc]
    """Images, float32 [N, 3, H, W] with H and W at least 15, to scores [N, classes]."""

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102  see the class
        scores: Tensor = self._forward(self._transform_input(x))[0]
        return scores


WITHOUT_AUXILIARY_HEADS: dict[str, Callable[..., nn.Module]] = {
    "inception_v3": Inception,
    "googlenet": GoogLe,
}
