"""Turns fetched files into the images that training and the proof use."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.datasets.array_files import ARRAY_READERS
from packager.datasets.classes import require_every_class, with_names
from packager.datasets.image_folder import list_folder
from packager.datasets.image_reading import fits, into_memory, left_on_disk
from packager.datasets.samples import Samples, Split
from packager.datasets.splits import thin
from packager.datasets.torchvision_items import read_class
from packager.datasets.transforms import resize, to_channels
from packager.spec.dataset import DataFormat, DatasetSpec, NormalizeSpec
from packager.spec.validity import require

if TYPE_CHECKING:
    from packager.datasets.at_hand import Fetched
    from packager.datasets.contents import Contents
    from packager.datasets.image_reading import Progress
    from packager.datasets.pictures import Listed


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Dataset:
    """A dataset, in memory or read from disk as it is needed.

    `source` is where it came from. `subset` says that it is less than the whole dataset.
    `skipped` images were left out because they cannot be read. `digest` is, in memory, the
    sha256 of the four tensors' types, shapes and bytes; else of the names and contents of all
    images, their labels, size, channels and inversion. `normalize` is what models get them with.
    """

    train: Samples
    test: Samples
    classes: tuple[str, ...]
    source: str
    subset: bool
    digest: str
    skipped: int = 0
    normalize: NormalizeSpec | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Read:
    """Both splits as they will be used."""

    train: Samples
    test: Samples
    digest: str
    skipped: int = 0


def load(spec: DatasetSpec, fetched: Fetched, *, progress: Progress | None = None) -> Dataset:
    """Read, check, cut, convert and resize a dataset.

    Images of a folder stay there if `spec.in_memory` is false, or null and they need more than
    half of the memory that is free; all of them are decoded once even so. `progress` is called
    with the images read so far and their number.

    Raises:
        SpecError: the data are not what the recipe says: form, counts, labels, a class without
            images to train on, an image that cannot be read.
        UnavailableError: a file or folder cannot be read.
    """
    whole = _contents(spec, fetched)
    train = thin(whole.train, spec.max_train_samples)
    test = thin(whole.test, spec.max_test_samples)
    require_every_class(spec, whole.classes, train.labels, test.labels)
    if isinstance(train, Split) and isinstance(test, Split):
        read = _from_arrays(spec, train, test)
    else:
        read = _from_pictures(spec, train, test, progress=progress)
        require_every_class(spec, whole.classes, read.train.labels, read.test.labels)
    _require_normal(spec, read.train)
    cut = train is not whole.train or test is not whole.test
    return Dataset(
        train=read.train,
        test=read.test,
        classes=whole.classes,
        source=str(fetched.source),
        subset=fetched.source.subset or cut,
        digest=read.digest,
        skipped=read.skipped,
        normalize=spec.normalize,
    )


def _contents(spec: DatasetSpec, fetched: Fetched) -> Contents[Any]:
    files, form = fetched.files, fetched.source.format
    if form is DataFormat.images:
        found: Contents[Any] = list_folder(files["root"])
    elif form is DataFormat.torchvision:
        found = read_class(fetched.source, files["root"])
    else:
        found = ARRAY_READERS[form](spec, files)
    return with_names(spec, found, form)


def _from_arrays(spec: DatasetSpec, train: Split, test: Split) -> _Read:
    require(
        spec.in_memory is not False,
        "is false, and these data are read whole into memory",
        where="dataset.in_memory",
        remedy="leave it out, or give the images as a folder with dataset=image_folder",
    )
    train, test = (_converted(spec, split) for split in (train, test))
    return _Read(train=train, test=test, digest=_digest(train, test))


def _from_pictures(
    spec: DatasetSpec, train: Listed, test: Listed, *, progress: Progress | None
) -> _Read:
    if fits(spec, train, len(train.labels) + len(test.labels)):
        first, second, skipped = into_memory(spec, train, test, progress)
        return _Read(train=first, test=second, digest=_digest(first, second), skipped=skipped)
    files, more, digest, skipped = left_on_disk(spec, train, test, progress)
    return _Read(train=files, test=more, digest=digest, skipped=skipped)


def _converted(spec: DatasetSpec, split: Split) -> Split:
    images = split.images
    if spec.channels is not None:
        images = to_channels(images, spec.channels)
    if spec.invert:
        images = 255 - images
    if spec.resize is not None:
        images = resize(images, spec.resize)
    return Split(images=images, labels=split.labels)


def _require_normal(spec: DatasetSpec, train: Samples) -> None:
    if spec.normalize is None:
        return
    given, channels = len(spec.normalize.mean), train.shape[0]
    require(
        given == channels,
        f"has {given} means and deviations; the images have {channels} channels",
        where="dataset.normalize",
        remedy=f"give {channels} of each, or set dataset.channels={given}",
    )


def _digest(train: Split, test: Split) -> str:
    digest = hashlib.sha256()
    for tensor in (train.images, train.labels, test.images, test.labels):
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
