"""A dataset: its classes, files and sources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from packager.spec.validity import require

SHA256 = re.compile(r"[0-9a-f]{64}")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")
"""Datasets and their files become parts of paths in the cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileSpec:
    """A data file by its decompressed name and the sha256 of its decompressed bytes."""

    name: str
    sha256: str

    def __post_init__(self) -> None:
        _require_plain(self.name, where="dataset.files")
        require(
            SHA256.fullmatch(self.sha256) is not None,
            f"'{self.sha256}' is no sha256 (64 lower-case hexadecimal digits)",
            where=f"dataset file {self.name}",
        )


class DataFormat(Enum):
    """How a source's files hold images and labels."""

    idx = "idx"
    csv = "csv"


ROLES = {
    DataFormat.idx: {"train_images", "train_labels", "test_images", "test_labels"},
    DataFormat.csv: {"samples"},
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
    for one CSV) to its file. `folder` is where the files lie inside a package.
    """

    kind: SourceKind
    origin: str
    files: Mapping[str, FileSpec]
    format: DataFormat = DataFormat.idx
    folder: str = ""
    subset: bool = False

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
        return f"{self.kind.value} {self.origin}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSpec:
    """A classification dataset of images: its classes and the sources to try in order.

    `resize` is (height, width) in pixels, None to keep the images' own size.
    """

    name: str
    classes: tuple[str, ...]
    sources: tuple[SourceSpec, ...]
    resize: tuple[int, int] | None = None
    max_train_samples: int | None = None
    max_test_samples: int | None = None
    allow_subset: bool = True

    def __post_init__(self) -> None:
        _require_plain(self.name, where="dataset.name")
        require(bool(self.sources), "no source is given", where="dataset.sources")
        require(
            len(set(self.classes)) == len(self.classes) >= 1,
            "class names must be given and distinct",
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


def _require_plain(name: str, *, where: str) -> None:
    require(
        PLAIN_NAME.fullmatch(name) is not None and name != "sources.json",
        f"'{name}' is not a plain file name",
        where=where,
        remedy="use letters, digits, _ - and . with a letter or digit first",
    )
