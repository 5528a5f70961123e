"""Image files of given pixels: PNG keeps them, and files know which pixels they were written of."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from packager.datasets.decoding import decode
from packager.datasets.image_encoding import encoding_of
from packager.spec.job import ImageFormat

from .images import noise

SHAPES = [(1, 28, 28), (3, 32, 20), (1, 1, 1), (3, 1, 7), (3, 300, 200)]


@pytest.mark.parametrize("shape", SHAPES)
def test_png_gives_back_every_pixel(shape: tuple[int, int, int]) -> None:
    """Read by Pillow, which checks the chunks' sums; grey stays grey."""
    images = noise(3, *shape)
    encoding = encoding_of(ImageFormat.png, shape)
    for image, prepared in zip(images, encoding.prepared(images), strict=True):
        file = Image.open(io.BytesIO(encoding.encode(prepared)))
        file.verify()
        again = Image.open(io.BytesIO(encoding.encode(prepared)))
        assert again.mode == {1: "L", 3: "RGB"}[shape[0]]
        assert np.array_equal(decode(again, None), image)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 20)])
def test_jpeg_is_near(shape: tuple[int, int, int]) -> None:
    """It loses some of every pixel, of all channels alike: a smooth image loses little."""
    channels, height, width = shape
    ramp = np.add.outer(np.arange(height), np.arange(width)) * 4
    image = np.stack([(ramp + 20 * channel).clip(0, 255) for channel in range(channels)])
    image = image.astype(np.uint8)
    encoding = encoding_of(ImageFormat.jpg, shape)
    content = encoding.encode(encoding.prepared(image[np.newaxis])[0])
    file = Image.open(io.BytesIO(content))
    assert file.mode == {1: "L", 3: "RGB"}[channels]
    assert np.abs(decode(file, None).astype(int) - image).max() <= 8


@pytest.mark.parametrize("form", ImageFormat)
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 6)])
def test_a_file_shows_its_own_pixels_only(form: ImageFormat, shape: tuple[int, int, int]) -> None:
    """Not those of another image, not of the same bytes in another form."""
    encoding = encoding_of(form, shape)
    pixels, other = encoding.prepared(noise(2, *shape))
    content = encoding.encode(pixels)
    assert encoding.shows(content, pixels)
    assert not encoding.shows(content, other)
    changed = pixels.copy()
    changed[-1, -1] ^= 1
    assert not encoding.shows(content, changed)
    turned = (shape[0], shape[2] + 1, shape[1])
    again = encoding_of(form, turned)
    assert not again.shows(content, again.prepared(noise(1, *turned))[0])


@pytest.mark.parametrize("form", ImageFormat)
def test_a_file_cut_short_anywhere_shows_nothing(form: ImageFormat) -> None:
    """As a killed run, or a power cut with its zeros, may leave it."""
    encoding = encoding_of(form, (1, 28, 28))
    pixels = encoding.prepared(noise(1, 1, 28, 28))[0]
    content = encoding.encode(pixels)
    for size in range(len(content)):
        assert not encoding.shows(content[:size], pixels)
        assert not encoding.shows(content[:size].ljust(len(content), b"\0"), pixels)


def test_a_png_with_any_byte_changed_shows_nothing() -> None:
    """Its checksums cover all of it."""
    encoding = encoding_of(ImageFormat.png, (1, 9, 9))
    pixels = encoding.prepared(noise(1, 1, 9, 9))[0]
    content = encoding.encode(pixels)
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x40
        assert not encoding.shows(bytes(damaged), pixels)
