"""Torchvision's classification models, with a stem and a head for the data.

torchvision is imported when it is needed: that takes seconds.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import TYPE_CHECKING, cast

from torch import nn

from packager.architectures.telling import first_line
from packager.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.spec.architecture import TorchvisionSpec

KEY = "architecture.torchvision"


def model_names() -> list[str]:
    """Return the names of torchvision's classification models."""
    from torchvision import models  # noqa: PLC0415

    return cast("list[str]", models.list_models(module=models))


def build_torchvision(
    spec: TorchvisionSpec, *, sample_shape: tuple[int, ...] | None, classes: int | None
) -> nn.Module:
    """Return the model for images of `sample_shape` [C, H, W] and a score for each class.

    Without a shape it takes three channels, without classes it gives ImageNet's 1000. Initial
    weights are torchvision's, from torch's generator; a stem of other than three channels has
    torch's own for a convolution.

    Raises:
        SpecError: an unknown name, or images that the model cannot take.
    """
    channels, height, width = _image(sample_shape)
    make = _builder(spec.name)
    # The head is made with torchvision's own count where the data tell none.
    arguments = {} if classes is None else {"num_classes": classes}
    try:
        module = make(**arguments, **_size_arguments(spec.name, height, width))
    except (ValueError, RuntimeError) as error:
        raise SpecError(
            f"{spec.name} cannot be made for images of {height} x {width} pixels:"
            f" {first_line(error)}",
            where=KEY,
            remedy="set dataset.resize to a size it takes, such as [224,224]",
        ) from error
    if channels != 3:
        _replace_stem(module, channels)
    return module


def _image(sample_shape: tuple[int, ...] | None) -> tuple[int, int, int]:
    """Return channels, height and width; -1 for a size that nothing tells or that varies."""
    if sample_shape is None:
        return 3, -1, -1
    if len(sample_shape) != 3 or sample_shape[0] == -1:
        raise SpecError(
            f"takes images [channels, height, width]; one sample is {list(sample_shape)}",
            where=KEY,
            remedy="correct the input's dims, or choose another architecture",
        )
    channels, height, width = sample_shape
    return channels, height, width


def _builder(name: str) -> Callable[..., nn.Module]:
    """Return the function that makes the model, without its weights from the network."""
    from torchvision import models  # noqa: PLC0415

    from packager.architectures.torchvision_aux import WITHOUT_AUXILIARY_HEADS  # noqa: PLC0415

    available = model_names()
    if name not in available:
        close = difflib.get_close_matches(name.lower(), available, n=3)
        raise SpecError(
            f"torchvision has no classification model '{name}'",
            where=KEY,
            remedy=f"write {' or '.join(close)}"
            if close
            else f"its models are {', '.join(available)}",
        )
    if name in WITHOUT_AUXILIARY_HEADS:
        return functools.partial(WITHOUT_AUXILIARY_HEADS[name], aux_logits=False, init_weights=True)
    make: Callable[..., nn.Module] = models.get_model_builder(name)
    return make


def _size_arguments(name: str, height: int, width: int) -> dict[str, object]:
    """Return the image size for the models that are made for one; -1 is their own, 224.

    Raises:
        SpecError: the images are not square, or the patches do not cover them.
    """
    if name == "maxvit_t":
        return {} if -1 in (height, width) else {"input_size": (height, width)}
    if not name.startswith("vit_") or -1 in (height, width):
        return {}
    patch = int(name.rpartition("_")[2])
    if height != width or height % patch:
        size = patch * max(1, round(max(height, width) / patch))
        raise SpecError(
            f"{name} takes square images of a multiple of {patch} pixels; these are"
            f" {height} x {width}",
            where=KEY,
            remedy=f"set for example dataset.resize=[{size},{size}]",
        )
    return {"image_size": height}


def _replace_stem(module: nn.Module, channels: int) -> None:
    """Put a convolution of `channels` in place of the first, all else about it the same."""
    name, old = next(
        (name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Conv2d)
    )
    known = inspect.signature(nn.Conv2d).parameters.keys() & old.__dict__.keys()
    arguments = {key: getattr(old, key) for key in known} | {"in_channels": channels}
    parent, _, attribute = name.rpartition(".")
    new = nn.Conv2d(**arguments, bias=old.bias is not None)
    setattr(module.get_submodule(parent), attribute, new)
