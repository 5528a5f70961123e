"""The names of a dataset's classes: what the recipe lists against what the data have."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from packager.errors import SpecError
from packager.spec.dataset import DataFormat
from packager.spec.validity import require

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from packager.datasets.contents import Contents
    from packager.datasets.pictures import Listed
    from packager.datasets.samples import Split
    from packager.spec.dataset import DatasetSpec

SHOWN = 10
"""Names that an error lists."""

logger = logging.getLogger(__name__)


def with_names(spec: DatasetSpec, contents: Contents[Any], form: DataFormat) -> Contents[Any]:
    """Settle the classes, and bring the labels to their order.

    Data that name their classes must have those that the recipe lists; the recipe's order
    counts. For a torchvision dataset the recipe may give other names, as many.

    Raises:
        SpecError: names or labels do not fit.
    """
    if form is DataFormat.torchvision:
        contents = _without_unused(contents)
    labels = _labels(contents)
    found = contents.classes
    if not found and not spec.classes:
        _require_numbers(labels, where=f"dataset {spec.name}")
    count = len(found or spec.classes) or int(labels.max()) + 1
    require_labels(labels, count, where=f"dataset {spec.name}")
    if not found:
        return replace(contents, classes=spec.classes or tuple(map(str, range(count))))
    _require_names(found)
    return _in_order(spec, contents, form) if spec.classes else contents


def _require_numbers(labels: NDArray[np.int64], *, where: str) -> None:
    """Check that labels can number classes that nobody has named: 0, 1, 2 ..."""
    low, high = int(labels.min()), int(labels.max())
    require(
        low >= 0 and high < len(labels),
        f"labels go from {low} to {high}, of {len(labels)} images; they number the classes from 0",
        where=where,
        remedy="correct the labels, or list the classes in dataset.classes",
    )


def require_every_class(
    spec: DatasetSpec, classes: tuple[str, ...], train: torch.Tensor, test: torch.Tensor
) -> None:
    """Check that every class has an image to train on, and that there is one to test on.

    Raises:
        SpecError: there is none of some class.
    """
    counts = np.bincount(train.numpy(), minlength=len(classes)).tolist()
    missing = [name for name, count in zip(classes, counts, strict=True) if count == 0]
    require(
        not missing,
        f"no training image shows {_some(missing)}",
        where=f"dataset {spec.name}",
        remedy="raise dataset.max_train_samples, or list only classes that the data have"
        if not spec.skip_unreadable
        else "repair or add images of it: unreadable ones are left out",
    )
    require(
        len(test) > 0,
        "no test image is left",
        where=f"dataset {spec.name}",
        remedy="add readable test images",
    )


def require_labels(labels: NDArray[np.int64], count: int, *, where: str) -> None:
    """Check that labels are indices into so many classes.

    Raises:
        SpecError: one is not.
    """
    low, high = int(labels.min()), int(labels.max())
    require(
        low >= 0 and high < count,
        f"labels go from {low} to {high}; {count} classes are listed",
        where=where,
        remedy="list every class in dataset.classes, in the order of their labels, the first 0",
    )


def _labels(contents: Contents[Any]) -> NDArray[np.int64]:
    """Return all labels; NumPy is quicker with so few numbers than torch with its threads."""
    labels: NDArray[np.int64] = np.concatenate([contents.train.labels, contents.test.labels])
    return labels


def _require_names(names: Iterable[str]) -> None:
    for name in names:
        require(
            bool(name.strip()) and name.isprintable(),
            f"{name!r} is no class name: labels.txt holds one a line",
            where="dataset.classes",
            remedy="rename the class's folder",
        )


def _without_unused(contents: Contents[Any]) -> Contents[Any]:
    """Leave out named classes that no image shows, as EMNIST letters' first, N/A."""
    used = np.unique(_labels(contents)).tolist()
    if not set(used) < set(range(len(contents.classes))):
        return contents
    unused = [name for index, name in enumerate(contents.classes) if index not in used]
    logger.info("no image shows the classes %s: they are left out", _some(unused))
    kept = tuple(contents.classes[index] for index in used)
    return _renumbered(replace(contents, classes=kept), used, len(contents.classes))


def _in_order(spec: DatasetSpec, contents: Contents[Any], form: DataFormat) -> Contents[Any]:
    """Give named data the recipe's names in the recipe's order."""
    listed, found = spec.classes, contents.classes
    if set(listed) == set(found):
        order = [found.index(name) for name in listed]
        return _renumbered(replace(contents, classes=listed), order, len(found))
    renames = form is DataFormat.torchvision and len(listed) == len(found)
    shared = set(listed) & set(found)
    if renames and all(listed.index(name) == found.index(name) for name in shared):
        return replace(contents, classes=listed)
    raise SpecError(
        f"lists {', '.join(listed)}; the data have {', '.join(found)}",
        where="dataset.classes",
        remedy="list the data's classes in any order, or leave dataset.classes out",
    )


def _renumbered(contents: Contents[Any], order: list[int], count: int) -> Contents[Any]:
    """Make label `order[i]` of `count` labels the label i."""
    if order == list(range(count)):
        return contents
    table = torch.full((count,), -1, dtype=torch.int64)
    table[torch.tensor(order)] = torch.arange(len(order))
    return replace(
        contents,
        train=_relabelled(contents.train, table),
        test=_relabelled(contents.test, table),
    )


def _relabelled(samples: Split | Listed, table: torch.Tensor) -> Split | Listed:
    return replace(samples, labels=table[samples.labels])


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
