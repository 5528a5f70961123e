"""Turns fetched files into the tensors that training and the proof use."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from packager.datasets.formats import read_csv, read_idx
from packager.datasets.transforms import resize
from packager.errors import SpecError
from packager.spec.dataset import DataFormat, DatasetSpec
from packager.spec.validity import require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from packager.datasets.fetch import Fetched

HOLD_OUT_EVERY = 5
"""A source without a test set gives every fifth image of each class."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Split:
    """Images, uint8 [N, C, H, W], and their labels, int64 [N], indices into the classes."""

    images: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dataset:
    """A dataset in memory.

    `source` is where it came from. `subset` says that it is less than the whole dataset.
    `digest` is the sha256 of the four tensors' types, shapes and bytes.
    """

    train: Split
    test: Split
    classes: tuple[str, ...]
    source: str
    subset: bool
    digest: str


def load(spec: DatasetSpec, fetched: Fetched) -> Dataset:
    """Read, check, cut and resize a dataset.

    Raises:
        SpecError: the data are not what the recipe says: form, counts, labels, a class without
            images to train on.
        UnavailableError: a file cannot be read.
    """
    whole_train, whole_test = _READERS[fetched.source.format](spec, fetched.files)
    train = _thin(whole_train, spec.max_train_samples)
    test = _thin(whole_test, spec.max_test_samples)
    cut = train is not whole_train or test is not whole_test
    _require_every_class(spec, train)
    if spec.resize is not None:
        train, test = _resized(train, spec.resize), _resized(test, spec.resize)
    return Dataset(
        train=train,
        test=test,
        classes=spec.classes,
        source=str(fetched.source),
        subset=fetched.source.subset or cut,
        digest=_digest(train, test),
    )


def _read_idx_splits(spec: DatasetSpec, files: Mapping[str, Path]) -> tuple[Split, Split]:
    train, test = (
        _checked(
            spec,
            read_idx(_role(files, f"{name}_images")),
            read_idx(_role(files, f"{name}_labels")).long(),
            path=files[f"{name}_labels"],
        )
        for name in ("train", "test")
    )
    require(
        train.images.shape[1:] == test.images.shape[1:],
        f"training images are {tuple(train.images.shape[1:])}, "
        f"test images {tuple(test.images.shape[1:])}; expected one [C, H, W]",
        where=f"dataset {spec.name}",
    )
    return train, test


def _read_csv_splits(spec: DatasetSpec, files: Mapping[str, Path]) -> tuple[Split, Split]:
    path = _role(files, "samples")
    images, labels = read_csv(path)
    return _hold_out(_checked(spec, images, labels, path=path))


_READERS: Mapping[DataFormat, Callable[[DatasetSpec, Mapping[str, Path]], tuple[Split, Split]]] = {
    DataFormat.idx: _read_idx_splits,
    DataFormat.csv: _read_csv_splits,
}


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
    low, high = int(labels.min()), int(labels.max())
    require(
        low >= 0 and high < len(spec.classes),
        f"labels go from {low} to {high}; {len(spec.classes)} classes are listed",
        where=where,
        remedy="list every class in dataset.classes, in the order of their labels",
    )
    return Split(images=images.unsqueeze(1) if images.dim() == 3 else images, labels=labels)


def _hold_out(samples: Split) -> tuple[Split, Split]:
    """Split off every fifth image of each class; which ones depends on their order alone."""
    held = torch.zeros(len(samples.labels), dtype=torch.bool)
    for label in range(int(samples.labels.max()) + 1):
        held[torch.nonzero(samples.labels == label)[HOLD_OUT_EVERY - 1 :: HOLD_OUT_EVERY]] = True
    if not held.any():
        raise SpecError(
            f"no class has {HOLD_OUT_EVERY} images, so none can be held out as test",
            where="dataset.sources",
        )
    return _part(samples, ~held), _part(samples, held)


def _thin(split: Split, limit: int | None) -> Split:
    """Keep `limit` evenly spaced images, so that data sorted by class stay balanced."""
    count = len(split.labels)
    if limit is None or limit >= count:
        return split
    return _part(split, torch.arange(limit) * count // limit)


def _part(split: Split, which: torch.Tensor) -> Split:
    return Split(images=split.images[which], labels=split.labels[which])


def _resized(split: Split, size: tuple[int, int]) -> Split:
    return Split(images=resize(split.images, size), labels=split.labels)


def _require_every_class(spec: DatasetSpec, train: Split) -> None:
    counts = torch.bincount(train.labels, minlength=len(spec.classes)).tolist()
    missing = [name for name, count in zip(spec.classes, counts, strict=True) if count == 0]
    require(
        not missing,
        f"no training image shows {', '.join(missing)}",
        where=f"dataset {spec.name}",
        remedy="raise dataset.max_train_samples, or list only classes that the data have",
    )


def _digest(train: Split, test: Split) -> str:
    digest = hashlib.sha256()
    for tensor in (train.images, train.labels, test.images, test.labels):
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
