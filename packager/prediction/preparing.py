"""From a picture to what a model is sent: by its version's manifest, as in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from packager.datasets.decoding import decode, scale
from packager.errors import SpecError
from packager.spec.dataset import NormalizeSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image

LAYOUT = "channels, height, width"
SCALE = "uint8 / 255"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessing:
    """What clients do to a picture; what the model does itself is left out.

    `resize` is (height, width), `channels` 1 or 3, each None where the data's own were kept.
    `scale` is the division by 255.
    """

    resize: tuple[int, int] | None = None
    channels: int | None = None
    invert: bool = False
    scale: bool = True
    normalize: NormalizeSpec | None = None


def preprocessing(told: object, *, where: str) -> Preprocessing | None:
    """Read what `tasks.recording.preprocessing_record` wrote; None where nothing was.

    Manifests of before `dataset.invert` lack `invert`: nothing was inverted.

    Raises:
        SpecError: it tells of something else than this packager does.
    """
    if told is None:
        return None
    try:
        return _read(told)
    except (KeyError, TypeError, ValueError, SpecError) as error:
        raise SpecError(
            "what it says of preprocessing cannot be read",
            where=where,
            remedy="use the packager that built it, or build the model again",
        ) from error


def pixels(
    image: Image.Image, shape: tuple[int, int, int], how: Preprocessing
) -> NDArray[np.uint8]:
    """Bring an opened picture to a model's (channels, height, width), -1 where they vary.

    It is decoded and scaled by the code that training reads images with, in the same order.

    Returns:
        uint8 [C, H, W].

    Raises:
        UnreadableImageError: the file is damaged.
    """
    channels, height, width = shape
    decoded = decode(image, how.channels if channels == -1 else channels, invert=how.invert)
    own = how.resize or decoded.shape[1:]
    return scale(decoded, (own[0] if height == -1 else height, own[1] if width == -1 else width))


def values(images: NDArray[np.uint8], how: Preprocessing) -> NDArray[Any]:
    """Turn uint8 [N, C, H, W] into what is sent: float32, or the bytes if the model scales them.

    Without torch, and bit for bit as `datasets.transforms.to_input` does it.
    """
    if not how.scale:
        return images
    scaled = images.astype(np.float32) / np.float32(255)
    if how.normalize is not None:
        mean, std = (
            np.array(numbers, np.float32).reshape(-1, 1, 1)
            for numbers in (how.normalize.mean, how.normalize.std)
        )
        scaled = (scaled - mean) / std
    return scaled


def _read(told: Any) -> Preprocessing:
    if told["layout"] != LAYOUT or told["scale"] != SCALE:
        raise ValueError(told["layout"], told["scale"])
    inside = frozenset(told["inside_model"])
    normalize = told["normalize"] if "normalize" not in inside else None
    resize = told["resize"]
    if resize is not None:
        height, width = map(int, resize)
    return Preprocessing(
        resize=None if resize is None else (height, width),
        channels=told["channels"],
        invert=bool(told.get("invert", False)),
        scale="scale" not in inside,
        normalize=None if normalize is None else _normalize(normalize),
    )


def _normalize(told: Mapping[str, Any]) -> NormalizeSpec:
    return NormalizeSpec(mean=tuple(map(float, told["mean"])), std=tuple(map(float, told["std"])))
