"""Arrays of images and labels in one .npz, as NumPy, Keras or MedMNIST name them."""

from __future__ import annotations

import logging
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import torch

from packager.datasets.samples import Split
from packager.errors import SpecError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NAMES = {
    "train": (("train_images", "train_labels"), ("x_train", "y_train")),
    "test": (
        ("test_images", "test_labels"),
        ("x_test", "y_test"),
        ("val_images", "val_labels"),
        ("x_val", "y_val"),
    ),
}
"""The arrays that may hold each split's images and labels; the first pair that is there does."""

REMEDY = "save train_images, train_labels, test_images and test_labels with numpy.savez"

logger = logging.getLogger(__name__)


def read_npz(path: Path) -> tuple[Split, Split | None]:
    """Read the training images, and the test images where there are any.

    Images are uint8 [N, H, W], [N, H, W, C] or [N, C, H, W], with C 1 or 3; where both axes
    could be C the last one is. Labels are whole numbers [N] or [N, 1]. Objects are not read:
    unpickling runs code.

    Raises:
        SpecError: it is no .npz, an array is missing, or has another type or shape.
        UnavailableError: the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            arrays = np.load(stream, allow_pickle=False)
            if not isinstance(arrays, np.lib.npyio.NpzFile):
                raise _wrong(path, "holds one array, not several by name")
            return _splits(path, arrays)
    except OSError as error:
        raise UnavailableError(
            f"cannot be read: {error.strerror or error}", where=str(path), remedy="check the path"
        ) from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _wrong(path, f"is no .npz: {error}") from error


def _splits(path: Path, arrays: np.lib.npyio.NpzFile) -> tuple[Split, Split | None]:
    train, test = (_pair(arrays, split) for split in ("train", "test"))
    if train is None:
        names = ", ".join(arrays.files) or "nothing"
        raise _wrong(path, f"holds {names}; expected train_images and train_labels")
    return _read(path, arrays, train), None if test is None else _read(path, arrays, test)


def _pair(arrays: np.lib.npyio.NpzFile, split: str) -> tuple[str, str] | None:
    pairs = [pair for pair in NAMES[split] if any(name in arrays.files for name in pair)]
    if len(pairs) > 1:
        logger.info("%s holds the %s set; %s is not used", pairs[0][0], split, pairs[1][0])
    return pairs[0] if pairs else None


def _read(path: Path, arrays: np.lib.npyio.NpzFile, pair: tuple[str, str]) -> Split:
    images, labels = (_array(path, arrays, name) for name in pair)
    pixels = _channels_first(path, pair[0], images)
    numbers = _flat(path, pair[1], labels)
    if len(pixels) != len(numbers) or not len(pixels):
        raise _wrong(
            path,
            f"has {len(pixels)} images in {pair[0]} and {len(numbers)} labels in {pair[1]};"
            " expected as many, and some",
        )
    return Split(images=torch.from_numpy(pixels), labels=torch.from_numpy(numbers))


def _array(path: Path, arrays: np.lib.npyio.NpzFile, name: str) -> NDArray[np.generic]:
    if name not in arrays.files:
        raise _wrong(path, f"lacks {name}; it holds {', '.join(arrays.files)}")
    try:
        array: NDArray[np.generic] = arrays[name]
    except ValueError as error:  # also what object arrays are refused with
        raise _wrong(path, f"{name} cannot be read: {error}") from error
    return array


def _channels_first(path: Path, name: str, images: NDArray[np.generic]) -> NDArray[np.uint8]:
    if images.dtype != np.uint8:
        raise _wrong(path, f"{name} is {images.dtype}; expected uint8, 0 to 255")
    pixels = images.astype(np.uint8, copy=False)
    if pixels.ndim == 3:
        return np.ascontiguousarray(pixels[:, np.newaxis])
    if pixels.ndim == 4 and pixels.shape[-1] in {1, 3}:
        return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    if pixels.ndim == 4 and pixels.shape[1] in {1, 3}:
        return np.ascontiguousarray(pixels)
    raise _wrong(
        path,
        f"{name} is {list(images.shape)}; expected [N, H, W], [N, H, W, C] or [N, C, H, W]"
        " with C 1 or 3",
    )


def _flat(path: Path, name: str, labels: NDArray[np.generic]) -> NDArray[np.int64]:
    if labels.dtype.kind not in "iu":
        raise _wrong(path, f"{name} is {labels.dtype}; expected whole numbers")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise _wrong(path, f"{name} is {list(labels.shape)}; expected one label an image, [N]")
    return np.array(labels, np.int64)


def _wrong(path: Path, problem: str) -> SpecError:
    return SpecError(problem, where=str(path), remedy=REMEDY)
