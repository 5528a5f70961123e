"""One image, of any kind that Pillow reads, to bytes: grey or RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

if TYPE_CHECKING:
    from typing import IO

    from numpy.typing import NDArray

GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I;16N"})
SIXTEEN_BIT_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
UNSUPPORTED_MODES = frozenset({"I", "F"})
BLACK, WHITE = (0, 0, 0, 255), (255, 255, 255, 255)


class UnreadableImageError(Exception):
    """A file is no image, or a damaged one; the text is the reason, for people to read."""


def decode(image: Image.Image, channels: int | None, *, invert: bool = False) -> NDArray[np.uint8]:
    """Decode an opened image, upright as its EXIF orientation says, the first frame of many.

    What is transparent becomes black, the background of MNIST's like: it is laid on white where
    all is inverted afterwards. 16-bit grey keeps its upper 8 bits. RGB becomes grey, and grey RGB,
    as Pillow converts them.

    Args:
        image: as `Image.open` gives it.
        channels: 1 for grey, 3 for RGB, None for what the image is (a palette counts as RGB).
        invert: dark becomes light, 255 - x.

    Returns:
        uint8 [C, H, W].

    Raises:
        UnreadableImageError: the file is damaged, or its pixels are 32-bit numbers.
    """
    try:
        with image:
            return _pixels(image, channels, invert=invert)
    except UnreadableImageError:
        raise
    # Pillow's readers raise whatever a damaged file makes them trip over.
    except Exception as error:
        raise UnreadableImageError(_reason(error)) from error


def scale(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Scale decoded pixels [C, H, W] to (height, width), as images in memory are scaled."""
    if pixels.shape[1:] == size:
        return pixels
    # Imported here: torch takes seconds, and many pictures have their size.
    import torch  # noqa: PLC0415

    from packager.datasets.transforms import resize  # noqa: PLC0415

    scaled: NDArray[np.uint8] = resize(torch.from_numpy(pixels), size).numpy()
    return scaled


def open_image(file: str | IO[bytes]) -> Image.Image:
    """Open an image by its file or content; its pixels are read later, by `decode`.

    Raises:
        UnreadableImageError: it cannot be read, or is no image.
    """
    try:
        return Image.open(file)
    except Exception as error:
        raise UnreadableImageError(_reason(error)) from error


def _pixels(image: Image.Image, channels: int | None, *, invert: bool) -> NDArray[np.uint8]:
    if image.mode in UNSUPPORTED_MODES:
        raise UnreadableImageError(f"its pixels are 32-bit numbers (Pillow's mode {image.mode})")
    wanted = channels or (1 if image.mode in GREY_MODES else 3)
    upright = ImageOps.exif_transpose(image)
    if upright.mode in SIXTEEN_BIT_MODES:
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    if upright.has_transparency_data:
        upright = _laid_on(WHITE if invert else BLACK, upright)
    mode = "L" if wanted == 1 else "RGB"
    bands = (upright if upright.mode == mode else upright.convert(mode)).split()
    # Band by band, which is three times as quick as to transpose [H, W, 3].
    pixels: NDArray[np.uint8] = np.stack([np.asarray(band) for band in bands])
    return np.invert(pixels) if invert else pixels


def _laid_on(background: tuple[int, int, int, int], image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, background), image).convert("RGB")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is no image of a known kind"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
