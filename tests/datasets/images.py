"""Image files for tests, from real data where their content matters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from packager.datasets.at_hand import Fetched
from packager.datasets.samples import Split
from packager.spec.dataset import DataFormat, DatasetSpec, SourceKind, SourceSpec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from packager.datasets.samples import Samples


def images_source(root: Path) -> SourceSpec:
    """Take the images of a folder."""
    return SourceSpec(kind=SourceKind.folder, origin=str(root), files={}, format=DataFormat.images)


def images_spec(root: Path, *classes: str) -> DatasetSpec:
    """Make a dataset of a folder of images; without classes it names them itself."""
    return DatasetSpec(name="mine", classes=classes, sources=(images_source(root),))


def fetched(root: Path) -> Fetched:
    """Say that a folder is what was fetched."""
    return Fetched(files={"root": root}, source=images_source(root))


def in_memory(samples: Samples) -> Split:
    """Say that images are in memory, and check it."""
    assert isinstance(samples, Split)
    return samples


def save(pixels: NDArray[np.uint8], path: Path) -> Path:
    """Write an image [H, W] or [H, W, 3], of the kind that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    """Make pixels that do not compress."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_split(split: Split, folder: Path, names: tuple[str, ...]) -> None:
    """Write images [N, 1, H, W] as PNG, one folder a class, numbered in their order."""
    for index, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
        save(image[0].numpy(), folder / names[int(label)] / f"{index:05}.png")


def repeat(file: Path, count: int) -> None:
    """Link a file `count` times beside itself, which takes no room on disk."""
    for index in range(count):
        os.link(file, file.with_name(f"{index:05}-{file.name}"))
