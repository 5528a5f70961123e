"""Pixels to the bytes of PNG and JPEG files, and whether such a file shows given pixels.

The PNG writer is ours: zlib works without Python's global lock, so that threads use all cores,
and takes half the time of Pillow's writer on small images (bench/images.py measures both).
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PIL import Image

from packager.spec.job import ImageFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

JPEG_QUALITY = 95

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_LEVEL = 1
"""zlib's quickest; its smallest takes a quarter longer and saves 2 % of Fashion-MNIST."""
COLOUR_TYPES = {1: 0, 3: 2}
"""PNG's numbers for grey and RGB, by channels."""

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
JPEG_HEADER_BYTES = 128


class Encoding(Protocol):
    """Writes images of one shape."""

    def prepared(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring images [N, C, H, W] to the order that `encode` takes one by one."""

    def encode(self, pixels: NDArray[np.uint8]) -> bytes:
        """Return the file of one prepared image."""

    def shows(self, content: bytes, pixels: NDArray[np.uint8]) -> bool:
        """Say whether a file is whole and was written of that prepared image."""


class Png:
    """PNG, every pixel kept: 8 bits a channel, unfiltered lines, one IDAT chunk.

    Source: W3C, Portable Network Graphics (Third Edition), 5 and 11.2.
    """

    END = b"\0\0\0\0IEND\xae\x42\x60\x82"

    def __init__(self, shape: tuple[int, int, int]) -> None:
        channels, height, width = shape
        self.shape = shape
        header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
        self.head = PNG_SIGNATURE + _chunk(b"IHDR", header)

    def prepared(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return lines [N, H, 1 + W * C], each with its filter's number, 0, before it."""
        channels, height, width = self.shape
        lines = np.zeros((len(images), height, 1 + width * channels), np.uint8)
        lines[:, :, 1:] = images.transpose(0, 2, 3, 1).reshape(len(images), height, -1)
        return lines

    def encode(self, pixels: NDArray[np.uint8]) -> bytes:
        """Return the file of one image's lines."""
        return self.head + _chunk(b"IDAT", zlib.compress(pixels.data, PNG_LEVEL)) + self.END

    def shows(self, content: bytes, pixels: NDArray[np.uint8]) -> bool:
        """Compare size, checksum of the file and checksum of the pixels, without decoding."""
        if not (content.startswith(self.head) and content.endswith(self.END)):
            return False
        data = memoryview(content)[len(self.head) : -len(self.END)]
        return (
            len(data) > 12
            and data[:8] == struct.pack(">I4s", len(data) - 12, b"IDAT")
            # A zlib stream ends with the Adler-32 of what was compressed.
            and data[-8:] == struct.pack(">II", zlib.adler32(pixels.data), zlib.crc32(data[4:-4]))
        )


class Jpeg:
    """JPEG by Pillow, without chroma subsampling; a comment holds the CRC-32 of the pixels."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape

    def prepared(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return images [N, H, W], or [N, H, W, 3]."""
        if self.shape[0] == 1:
            return np.ascontiguousarray(images[:, 0])
        return np.ascontiguousarray(images.transpose(0, 2, 3, 1))

    def encode(self, pixels: NDArray[np.uint8]) -> bytes:
        """Return the file of one image."""
        file = io.BytesIO()
        Image.fromarray(pixels).save(
            file, "JPEG", quality=JPEG_QUALITY, subsampling=0, comment=self._mark(pixels)
        )
        return file.getvalue()

    def shows(self, content: bytes, pixels: NDArray[np.uint8]) -> bool:
        """Look for the pixels' checksum at the start, and for the end."""
        return (
            content.startswith(JPEG_START)
            and content.endswith(JPEG_END)
            and self._mark(pixels) in content[:JPEG_HEADER_BYTES]
        )

    def _mark(self, pixels: NDArray[np.uint8]) -> bytes:
        channels, height, width = self.shape
        return b"pixels %dx%dx%d crc32 %08x" % (channels, height, width, zlib.crc32(pixels.data))


def encoding_of(form: ImageFormat, shape: tuple[int, int, int]) -> Encoding:
    """Return what writes images of a shape, (channels, height, width)."""
    return Png(shape) if form is ImageFormat.png else Jpeg(shape)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I4s", len(data), kind), data, struct.pack(">I", checksum)))
