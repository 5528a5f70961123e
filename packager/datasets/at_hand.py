"""A dataset's files that are on this machine already; nothing is fetched, and little imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packager.datasets import cache as cached
from packager.datasets.sources import folder
from packager.datasets.sources.copies import SourceError
from packager.spec.dataset import DataFormat, DatasetSpec, SourceSpec

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A dataset's files on this machine.

    `files` maps a role to a path; a folder of images and torchvision's data have one, `root`.
    `source` is where the files came from, even if cached since;
    cached files of unknown origin come from a folder, the cache's. `refused` holds one line for
    each source tried in vain, with its reason.
    """

    files: Mapping[str, Path]
    source: SourceSpec
    refused: tuple[str, ...] = ()


def at_hand(spec: DatasetSpec, *, cache: Path, digest: Callable[[Path], str]) -> Fetched | None:
    """Return the dataset's files where they are here already, with `digest` for a file's sha256."""
    place = cache / spec.name
    if not all(is_local(source) for source in spec.sources):
        return kept(spec, place, digest=digest)
    for source in spec.sources:
        try:
            if is_allowed(source, spec):
                return Fetched(files=in_place(source), source=source)
        except (SourceError, OSError):
            continue
    return None


def kept(
    spec: DatasetSpec, place: Path, *, digest: Callable[[Path], str] = cached.digest
) -> Fetched | None:
    """Return what was kept, if it came from one of the sources asked for, or nobody knows."""
    for source in spec.sources:
        if not is_allowed(source, spec):
            continue
        if source.format is DataFormat.torchvision and not source.folder:
            root = cached.torchvision_place(source, place)
            if root.is_dir():
                return Fetched(files={"root": root}, source=source)
        if not cached.is_complete(source, place, digest=digest):
            continue
        origin = cached.origin(source, place)
        if str(origin) in {str(known) for known in spec.sources} or origin.origin == str(place):
            return from_cache(origin, place)
    return None


def in_place(source: SourceSpec) -> Mapping[str, Path]:
    """Find a source's files where they lie.

    Raises:
        SourceError: they do not.
    """
    if source.format is DataFormat.images:
        return {"root": folder.root_of(source)}
    if source.format is DataFormat.torchvision:
        return {"root": folder.root_of(replace(source, origin=source.folder))}
    return folder.in_place(source)


def is_local(source: SourceSpec) -> bool:
    """Say whether a source is used where it lies, so that nothing of it is ever cached."""
    if source.format is DataFormat.torchvision:
        return bool(source.folder)
    unverified = any(file.sha256 is None for file in source.files.values())
    return source.format is DataFormat.images or unverified


def is_allowed(source: SourceSpec, spec: DatasetSpec) -> bool:
    """Say whether the recipe takes a source that holds a part only."""
    return spec.allow_subset or not source.subset


def from_cache(source: SourceSpec, place: Path, refused: tuple[str, ...] = ()) -> Fetched:
    """Return the files of a source as the cache keeps them."""
    files = {role: place / file.name for role, file in source.files.items()}
    return Fetched(files=files, source=source, refused=refused)
