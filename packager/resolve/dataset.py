"""The dataset: where its files come from and what becomes of the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager import schema
from packager.errors import SpecError
from packager.spec.dataset import (
    DataFormat,
    DatasetSpec,
    FileSpec,
    NormalizeSpec,
    SourceKind,
    SourceSpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def dataset_spec(config: schema.DatasetConfig) -> DatasetSpec | None:
    """Return the dataset, or None where a recipe knows of no data."""
    if config.kind is schema.DatasetKind.none:
        return None
    resize = tuple(config.resize) if config.resize is not None else None
    if resize is not None and len(resize) != 2:
        raise SpecError(
            f"is {list(resize)}; expected [height, width] in pixels", where="dataset.resize"
        )
    return DatasetSpec(
        name=config.name,
        classes=tuple(config.classes or ()),
        sources=_sources(config),
        resize=resize,
        channels=config.channels,
        invert=config.invert,
        normalize=_normalize(config.normalize),
        max_train_samples=config.max_train_samples,
        max_test_samples=config.max_test_samples,
        allow_subset=config.allow_subset,
        skip_unreadable=config.skip_unreadable,
        in_memory=config.in_memory,
        workers=config.workers,
    )


def _normalize(config: schema.NormalizeConfig) -> NormalizeSpec | None:
    if config.mean is None and config.std is None:
        return None
    return NormalizeSpec(mean=tuple(config.mean or ()), std=tuple(config.std or ()))


def _sources(config: schema.DatasetConfig) -> tuple[SourceSpec, ...]:
    """Return the sources; a local `path` replaces them all."""
    if config.torchvision is not None:
        return (_torchvision(config, config.torchvision),)
    if config.format is DataFormat.torchvision:
        raise SpecError(
            "is torchvision, and no class is given",
            where="dataset.format",
            remedy="choose one with dataset.torchvision=CIFAR10",
        )
    if config.path is None and not config.sources:
        raise SpecError(
            "is not given, and the dataset has no other source",
            where="dataset.path",
            remedy="say where the data lie: dataset.path=DIR",
        )
    if config.path is None:
        return tuple(_source(source, config) for source in config.sources)
    return (
        SourceSpec(
            kind=SourceKind.folder,
            origin=config.path,
            files=_files(config.files),
            format=config.format,
            arguments=dict(config.arguments),
        ),
    )


def _torchvision(config: schema.DatasetConfig, name: str) -> SourceSpec:
    """Return a torchvision class as a source; `path` is where its data lie already."""
    if config.sources or config.files:
        raise SpecError(
            "is given beside dataset.sources or dataset.files, which it takes the place of",
            where="dataset.torchvision",
            remedy="leave one of them out",
        )
    return SourceSpec(
        kind=SourceKind.torchvision,
        origin=name,
        folder=config.path or "",
        files={},
        format=DataFormat.torchvision,
        arguments=dict(config.arguments),
    )


def _source(source: schema.SourceConfig, dataset: schema.DatasetConfig) -> SourceSpec:
    return SourceSpec(
        kind=source.kind,
        origin=source.origin,
        folder=source.folder,
        subset=source.subset,
        format=source.format or dataset.format,
        files=_files(source.files or dataset.files),
        arguments=dict(dataset.arguments),
    )


def _files(files: Mapping[str, schema.FileConfig]) -> dict[str, FileSpec]:
    return {
        role: FileSpec(name=file.name, sha256=file.sha256) for role, file in sorted(files.items())
    }
