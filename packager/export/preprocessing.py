"""Raw pixels in, scores out: scaling and normalisation as a part of the exported module."""

# ruff: noqa: D102 - each class says what its forward does

# No annotations as strings: TorchScript does not resolve those of attributes.
import torch
from torch import Tensor, nn

from packager.spec.dataset import NormalizeSpec


class Normalize(nn.Module):
    """Float32 [N, C, H, W], less its channel's mean, divided by its deviation."""

    mean: Tensor
    std: Tensor

    def __init__(self, spec: NormalizeSpec) -> None:
        super().__init__()
        self.register_buffer("mean", _per_channel(spec.mean))
        self.register_buffer("std", _per_channel(spec.std))

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.std


class Preprocessed(nn.Module):
    """uint8 [N, C, H, W] to what `module` makes of these images as they are in training.

    Divides by 255, as `datasets.transforms.to_float` does: multiplying by 1/255 rounds otherwise.
    """

    def __init__(self, module: nn.Module, normalize: NormalizeSpec | None) -> None:
        super().__init__()
        self.normalize = nn.Identity() if normalize is None else Normalize(normalize)
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        pixels = images.to(torch.float32).div(255)
        return self.module(self.normalize(pixels))  # type: ignore[no-any-return]


def with_preprocessing(module: nn.Module, normalize: NormalizeSpec | None) -> Preprocessed:
    """Return a module that takes raw pixels, in the mode that `module` is in.

    The module inside is the very same one, not a copy.
    """
    wrapped = Preprocessed(module, normalize)
    wrapped.training = module.training
    wrapped.normalize.train(module.training)
    return wrapped


def _per_channel(numbers: tuple[float, ...]) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float32).reshape(-1, 1, 1)
