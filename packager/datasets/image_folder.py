"""A folder of images with one folder a class: its classes, and which files are theirs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch

from packager.datasets.contents import Contents
from packager.datasets.image_listing import SUFFIXES, folders, images, images_below
from packager.datasets.pictures import Files, Listed
from packager.datasets.splits import hold_out
from packager.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

TRAIN = "train"
TESTS = ("test", "val", "valid")
"""Where test images may be, the first that exists."""

LAYOUT = "lay images out as DIR/<class>/*.png, or as DIR/train/<class>/ and DIR/test/<class>/"

logger = logging.getLogger(__name__)


def list_folder(root: Path) -> Contents[Listed]:
    """List an image folder; the classes are the names of its folders, sorted.

    With folders `train` and `test` (or `val`, `valid`) in it they are the splits, else every
    fifth image of each class, sorted by name, is held out. Folders inside a class belong to it.
    Hidden folders and files that are no images by their suffix are passed over.

    Raises:
        SpecError: there are no classes, one is empty, or train and test have different ones.
        UnavailableError: a folder cannot be read.
    """
    if not _is_split(root / TRAIN):
        classes = _class_names(root)
        train, test = hold_out(_listed(root, root, classes))
        return Contents(train=train, test=test, classes=classes)
    tests = [name for name in TESTS if (root / name).is_dir()]
    if len(tests) > 1:
        logger.info("%s is the test set; %s is not used", tests[0], ", ".join(tests[1:]))
    classes = _class_names(root / TRAIN)
    train = _listed(root, root / TRAIN, classes)
    if not tests:
        train, test = hold_out(train)
        return Contents(train=train, test=test, classes=classes)
    _require_same(root / TRAIN, classes, root / tests[0], _class_names(root / tests[0]))
    test = _listed(root, root / tests[0], classes)
    return Contents(train=train, test=test, classes=classes)


def _is_split(folder: Path) -> bool:
    """Tell a folder of classes from a class of that name."""
    return folder.is_dir() and bool(folders(folder)) and not images(folder)


def _class_names(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(folders(folder)))
    if not names:
        raise SpecError("holds no folder of a class", where=str(folder), remedy=LAYOUT)
    return names


def _listed(root: Path, folder: Path, classes: Iterable[str]) -> Listed:
    """List the images of every class, sorted by name within each."""
    paths: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(images_below(folder / name))
        if not found:
            raise SpecError(
                f"class {name} has no image ({', '.join(SUFFIXES)})",
                where=str(folder / name),
                remedy=f"add images or remove the folder; {LAYOUT}",
            )
        beneath = (folder / name).relative_to(root)
        paths += [f"{beneath}/{image}" for image in found]
        labels += [label] * len(found)
    return Listed(pictures=Files(root=root, paths=tuple(paths)), labels=torch.tensor(labels))


def _require_same(
    train: Path, train_classes: tuple[str, ...], test: Path, test_classes: tuple[str, ...]
) -> None:
    if train_classes == test_classes:
        return
    only = {
        train: sorted(set(train_classes) - set(test_classes)),
        test: sorted(set(test_classes) - set(train_classes)),
    }
    raise SpecError(
        "; ".join(f"only {place} has {', '.join(names)}" for place, names in only.items() if names),
        where=str(train.parent),
        remedy="give both the same classes",
    )
