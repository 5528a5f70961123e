"""A dataset: its classes, files and sources."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from packager.spec.validity import require

SHA256 = re.compile(r"[0-9a-f]{64}")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
"""Datasets and their files become parts of paths in the cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSpec:
    """A data file by its decompressed name and the sha256 of its decompressed bytes.

    Without a sha256 the file is used as it lies in the user's own folder.
    """

    name: str
    sha256: str | None

    def __post_init__(self) -> None:
        _require_plain(self.name, where="dataset.files")
        require(
            self.sha256 is None or SHA256.fullmatch(self.sha256) is not None,
            f"'{self.sha256}' is no sha256 (64 lower-case hexadecimal digits)",
            where=f"dataset file {self.name}",
        )


class DataFormat(Enum):
    """How a source holds images and labels.

    `images` is a folder of image files, one folder a class; `torchvision` one of its datasets.
    """

    idx = "idx"
    csv = "csv"
    npz = "npz"
    images = "images"
    torchvision = "torchvision"


ROLES = {
    DataFormat.idx: {"train_images", "train_labels", "test_images", "test_labels"},
    DataFormat.csv: {"samples"},
    DataFormat.npz: {"arrays"},
    DataFormat.images: set(),
    DataFormat.torchvision: set(),
}
"""The files that each format needs."""


class SourceKind(Enum):
    """Where data files can come from."""

    folder = "folder"
    torchvision = "torchvision"
    debian = "debian"
    pypi = "pypi"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSpec:
    """One place to get a dataset's files from.

    `origin` is what the kind needs: a folder's path, a torchvision class, a package.
    `files` maps a role (`train_images`, `train_labels`, `test_images`, `test_labels`; `samples`
    for one CSV, `arrays` for one npz) to its file. `folder` is where the files lie inside a
    package, or the root that a torchvision class finds its data in. `arguments` are that class's.
    """

    kind: SourceKind
    origin: str
    files: Mapping[str, FileSpec]
    format: DataFormat = DataFormat.idx
    arguments: Mapping[str, object] = field(default_factory=dict)
    folder: str = ""
    subset: bool = False

    def __post_init__(self) -> None:
        for role, file in self.files.items():
            require(
                file.sha256 is not None or self.kind is SourceKind.folder,
                f"is not given, and {self} is not your own folder",
                where=f"dataset.files.{role}.sha256",
                remedy="give the sha256 of the decompressed bytes",
            )
        require(
            not self.arguments or self.format is DataFormat.torchvision,
            f"are given, and format {self.format.value} takes none",
            where="dataset.arguments",
            remedy="leave them out",
        )
        require(
            (self.format is not DataFormat.images or self.kind is SourceKind.folder)
            and (self.format is not DataFormat.torchvision or self.kind is SourceKind.torchvision),
            f"is {self.format.value}, which {self} does not give",
            where="dataset.format",
            remedy="choose dataset=image_folder, dataset=torchvision, dataset=idx or dataset=npz",
        )

    def require_every_role(self) -> None:
        """Check that every file is listed that the format needs.

        Raises:
            SpecError: one is missing, or there is one too many.
        """
        require(
            set(self.files) == ROLES[self.format],
            f"format {self.format.value} needs {', '.join(sorted(ROLES[self.format]))};"
            f" {', '.join(sorted(self.files)) or 'nothing'} is given for {self}",
            where="dataset.files",
        )

    def __str__(self) -> str:
        beneath = (
            f" in {self.folder}" if self.folder and self.kind is SourceKind.torchvision else ""
        )
        return f"{self.kind.value} {self.origin}{beneath}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NormalizeSpec:
    """Pixels in [0, 1], less `mean`, divided by `std`: one number a channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        require(
            len(self.mean) == len(self.std) > 0,
            f"has {len(self.mean)} means and {len(self.std)} deviations; expected one a channel",
            where="dataset.normalize",
        )
        require(
            all(map(math.isfinite, self.mean)) and all(0 < one < math.inf for one in self.std),
            f"has mean {list(self.mean)} and std {list(self.std)}; expected numbers, std above 0",
            where="dataset.normalize",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSpec:
    """A classification dataset of images: its classes and the sources to try in order.

    `classes` empty means that the data name or number them. `resize` is (height, width) in
    pixels, None to keep the images' own size; `channels` is 1 for grey, 3 for RGB, None for the
    images' own. `invert` turns dark on light into light on dark, 255 - x. `in_memory` None means
    unless the images need more than half of what is free. `workers` are threads that decode
    images, None one a core.
    """

    name: str
    classes: tuple[str, ...]
    sources: tuple[SourceSpec, ...]
    resize: tuple[int, int] | None = None
    max_train_samples: int | None = None
    max_test_samples: int | None = None
    allow_subset: bool = True
    channels: int | None = None
    invert: bool = False
    normalize: NormalizeSpec | None = None
    skip_unreadable: bool = False
    in_memory: bool | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        _require_plain(self.name, where="dataset.name")
        require(bool(self.sources), "no source is given", where="dataset.sources")
        require(
            len(set(self.classes)) == len(self.classes),
            "class names must be distinct",
            where="dataset.classes",
        )
        for index, name in enumerate(self.classes):
            require(
                bool(name.strip()) and name.isprintable(),
                f"{name!r} is no class name: labels.txt holds one a line",
                where=f"dataset.classes[{index}]",
            )
        for key in ("max_train_samples", "max_test_samples"):
            limit = getattr(self, key)
            require(
                limit is None or limit > 0,
                f"is {limit}; expected a positive number of images or null",
                where=f"dataset.{key}",
            )
            require(
                limit is None or self.allow_subset,
                f"takes {limit} images only, and dataset.allow_subset is false",
                where=f"dataset.{key}",
                remedy="leave one of the two out",
            )
        require(
            self.resize is None or min(self.resize) > 0,
            f"is {self.resize}; expected [height, width] in pixels",
            where="dataset.resize",
        )
        require(
            self.channels in {None, 1, 3},
            f"is {self.channels}; expected 1 (grey), 3 (RGB) or null",
            where="dataset.channels",
        )
        require(
            self.workers is None or self.workers > 0,
            f"is {self.workers}; expected at least 1",
            where="dataset.workers",
        )


def _require_plain(name: str, *, where: str) -> None:
    require(
        PLAIN_NAME.fullmatch(name) is not None and name != "sources.json",
        f"'{name}' is not a plain file name",
        where=where,
        remedy="use letters, digits, _ - and . with a letter or digit first",
    )
