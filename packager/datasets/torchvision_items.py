"""What a torchvision dataset holds: its arrays where it has them, else its items one by one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from packager.datasets.contents import Contents
from packager.datasets.decoding import UnreadableImageError
from packager.datasets.pictures import Listed
from packager.datasets.samples import Split
from packager.datasets.sources.torchvision_class import make
from packager.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.dataset import SourceSpec

LABELS = ("targets", "labels", "_labels")
"""Where torchvision's classes keep the labels of all items."""

TRANSPOSED = frozenset({"EMNIST"})
"""Classes whose images lie mirrored on the diagonal, as their files have them.

Source: https://github.com/pytorch/vision/issues/8783
"""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Items:
    """A torchvision dataset's items; `order` says which."""

    dataset: Any
    order: torch.Tensor

    def __len__(self) -> int:
        return len(self.order)

    def name(self, index: int) -> str:
        """Return the item's number in its split."""
        return str(int(self.order[index]))

    def place(self, index: int) -> str:
        """Say which item of which class that is."""
        return f"torchvision.datasets.{type(self.dataset).__name__}[{self.name(index)}]"

    def open(self, index: int) -> Image.Image:
        """Give the item's image; raise `UnreadableImageError`."""
        image = self._item(index)[0]
        if not isinstance(image, Image.Image):
            raise UnreadableImageError(f"it is a {type(image).__name__}")
        return image

    def digest(self, index: int) -> str:
        """Hash the item's size, mode and pixels."""
        image = self.open(index)
        return hashlib.sha256(f"{image.size} {image.mode}\n".encode() + image.tobytes()).hexdigest()

    def part(self, indices: torch.Tensor) -> Items:
        """Return those items alone, in that order."""
        return replace(self, order=self.order[indices])

    def label(self, index: int) -> object:
        """Give what the dataset says an item shows."""
        image, label = self._item(index)
        if isinstance(image, Image.Image):
            image.close()
        return label

    def _item(self, index: int) -> tuple[object, object]:
        try:
            image, label = self.dataset[int(self.order[index])]
        # A damaged file makes torchvision's loaders raise anything.
        except Exception as error:
            raise UnreadableImageError(str(error) or type(error).__name__) from error
        return image, label


def read_class(source: SourceSpec, root: Path) -> Contents[Split] | Contents[Listed]:
    """Read a torchvision dataset from the folder that holds its files.

    Where both splits keep their images as one array they are in memory; else they are listed.

    Raises:
        SpecError: there is no such class, it refuses its arguments, or it is no classification
            of images.
        UnavailableError: the folder does not hold its data.
    """
    train, test = make(source, root)
    names = _class_names(train)
    splits = [_split(dataset, transposed=source.origin in TRANSPOSED) for dataset in (train, test)]
    if splits[0] is not None and splits[1] is not None:
        return Contents(train=splits[0], test=splits[1], classes=names)
    return Contents(train=_listed(train), test=_listed(test), classes=names)


def _split(dataset: Any, *, transposed: bool) -> Split | None:
    """Take the arrays that a dataset keeps, if they are uint8 images and plain labels."""
    data, labels = getattr(dataset, "data", None), _all_labels(dataset)
    if not isinstance(data, np.ndarray | torch.Tensor) or labels is None:
        return None
    images = torch.as_tensor(data)
    if images.dtype != torch.uint8 or images.dim() not in {3, 4} or len(images) != len(labels):
        return None
    if images.dim() == 3:
        images = images.unsqueeze(1)
    elif images.shape[-1] == 3:
        images = images.permute(0, 3, 1, 2)
    return Split(images=(images.mT if transposed else images).contiguous(), labels=labels)


def _listed(dataset: Any) -> Listed:
    items = Items(dataset=dataset, order=torch.arange(len(dataset)))
    labels = _all_labels(dataset)
    if labels is None or len(labels) != len(items):
        labels = torch.tensor([_one_label(items, index) for index in range(len(items))])
    return Listed(pictures=items, labels=labels)


def _all_labels(dataset: Any) -> torch.Tensor | None:
    """Return the labels that a dataset keeps, int64 [N], without decoding an image."""
    for name in LABELS:
        labels = getattr(dataset, name, None)
        if labels is None:
            continue
        try:
            numbers = torch.as_tensor(labels)
        except (TypeError, ValueError, RuntimeError):
            return None
        if numbers.dim() == 1 and len(numbers) and not numbers.is_floating_point():
            return numbers.to(torch.int64)
    return None


def _one_label(items: Items, index: int) -> int:
    try:
        label = items.label(index)
    except UnreadableImageError as error:
        raise SpecError(
            f"cannot be read: {error}",
            where=items.place(index),
            remedy="repair the file that it comes from",
        ) from error
    if isinstance(label, int | np.integer):
        return int(label)
    raise SpecError(
        f"its label is {label!r}; expected one class, a whole number",
        where=items.place(index),
        remedy="choose a dataset of classified images",
    )


def _class_names(dataset: Any) -> tuple[str, ...]:
    """Return the names that a dataset gives its classes, () if it gives none that will do."""
    names = tuple(
        ", ".join(name)
        if isinstance(name, tuple) and all(isinstance(one, str) for one in name)
        else name
        for name in getattr(dataset, "classes", None) or ()
    )
    if len(set(names)) != len(names) or not all(isinstance(name, str) for name in names):
        return ()
    return names
