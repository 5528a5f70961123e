"""Files of whole arrays (IDX, CSV, npz) to a training and a test split in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.datasets.classes import require_labels
from packager.datasets.contents import Contents
from packager.datasets.formats import read_csv, read_idx
from packager.datasets.npz import read_npz
from packager.datasets.samples import Split
from packager.datasets.splits import hold_out
from packager.spec.dataset import DataFormat
from packager.spec.validity import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch

    from packager.spec.dataset import DatasetSpec


def _read_idx(spec: DatasetSpec, files: Mapping[str, Path]) -> Contents[Split]:
    """Read pairs of IDX files; without a test pair every fifth image is held out."""
    train = _idx_split(spec, files, "train")
    if not {"test_images", "test_labels"} & set(files):
        return _held_out(train)
    test = _idx_split(spec, files, "test")
    _require_one_shape(spec, train, test)
    return Contents(train=train, test=test)


def _read_csv(spec: DatasetSpec, files: Mapping[str, Path]) -> Contents[Split]:
    """Read one CSV; every fifth image is held out."""
    path = _role(files, "samples")
    images, labels = read_csv(path)
    return _held_out(_checked(spec, images, labels, path=path))


def _read_npz(spec: DatasetSpec, files: Mapping[str, Path]) -> Contents[Split]:
    """Read one npz; without test images every fifth is held out."""
    path = _role(files, "arrays")
    train, test = read_npz(path)
    if spec.classes:
        require_labels(train.labels.numpy(), len(spec.classes), where=str(path))
    if test is None:
        return _held_out(train)
    _require_one_shape(spec, train, test)
    return Contents(train=train, test=test)


ARRAY_READERS: Mapping[DataFormat, Callable[[DatasetSpec, Mapping[str, Path]], Contents[Split]]] = {
    DataFormat.idx: _read_idx,
    DataFormat.csv: _read_csv,
    DataFormat.npz: _read_npz,
}
"""Each raises `SpecError` for a file that is missing, another format, or does not fit."""


def _held_out(whole: Split) -> Contents[Split]:
    train, test = hold_out(whole)
    return Contents(train=train, test=test)


def _idx_split(spec: DatasetSpec, files: Mapping[str, Path], name: str) -> Split:
    images = read_idx(_role(files, f"{name}_images"))
    path = _role(files, f"{name}_labels")
    return _checked(spec, images, read_idx(path).long(), path=path)


def _role(files: Mapping[str, Path], role: str) -> Path:
    require(
        role in files,
        f"no file has the role {role}; there are {', '.join(files)}",
        where="dataset.sources",
        remedy="list that file, or correct the source's format",
    )
    return files[role]


def _checked(spec: DatasetSpec, images: torch.Tensor, labels: torch.Tensor, *, path: Path) -> Split:
    """Pair images [N, H, W] or [N, C, H, W] with labels [N] that fit them and the classes."""
    where = str(path)
    require(
        images.dim() in {3, 4} and labels.dim() == 1,
        f"images are {tuple(images.shape)} and labels {tuple(labels.shape)}; "
        "expected [N, H, W] or [N, C, H, W] and [N]",
        where=where,
    )
    require(
        len(images) == len(labels) > 0,
        f"there are {len(images)} images and {len(labels)} labels; expected as many, and some",
        where=where,
    )
    if spec.classes:
        require_labels(labels.numpy(), len(spec.classes), where=where)
    return Split(images=images.unsqueeze(1) if images.dim() == 3 else images, labels=labels)


def _require_one_shape(spec: DatasetSpec, train: Split, test: Split) -> None:
    require(
        train.shape == test.shape,
        f"training images are {list(train.shape)}, test images {list(test.shape)};"
        " expected one [C, H, W]",
        where=f"dataset {spec.name}",
        remedy="make both alike, or leave the test images out",
    )
