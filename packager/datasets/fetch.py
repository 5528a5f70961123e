"""Fetches a dataset's files: from the cache, else from the first source that serves them all.

Files with a sha256 in the recipe are used, and written to the cache, only if their decompressed
bytes have it. A user's own files and folders of images are used where they lie, never copied.
What torchvision downloads by itself it checks by itself.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from packager.datasets import cache as cached
from packager.datasets.at_hand import Fetched, from_cache, is_allowed, is_local, kept
from packager.datasets.sources import debian, folder, pypi, torchvision, torchvision_class
from packager.datasets.sources.copies import Copy, Source, SourceError, WrongBytesError, verify
from packager.errors import UnavailableError
from packager.spec.dataset import DataFormat, DatasetSpec, SourceKind, SourceSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SOURCES: Mapping[SourceKind, Source] = {
    SourceKind.folder: folder.copies,
    SourceKind.torchvision: torchvision.copies,
    SourceKind.debian: debian.copies,
    SourceKind.pypi: pypi.copies,
}

logger = logging.getLogger(__name__)


def fetch(spec: DatasetSpec, *, cache: Path) -> Fetched:
    """Bring a dataset's files to `cache`/<dataset's name>, or find them there.

    Two processes may fetch at once: the second waits and finds the files of the first.

    Raises:
        UnavailableError: no source serves every file, or the cache cannot be written.
    """
    place = cache / spec.name
    if all(is_local(source) for source in spec.sources):
        return _fetch(spec, place)
    found = kept(spec, place)
    if found is not None:
        return found
    with _writable(place), cached.locked(place):
        return kept(spec, place) or _fetch(spec, place)


def _fetch(spec: DatasetSpec, place: Path) -> Fetched:
    for source in spec.sources:
        for refusal in cached.refusals(source, place):
            logger.warning("refusing a cached file: %s", refusal)
    refused: list[str] = []
    for source in spec.sources:
        contents: Mapping[str, bytes] = {}
        try:
            files = _found(source, spec, place)
            if files is None:
                contents = _gather(source, spec)
        except (SourceError, OSError) as error:
            refused.append(f"{source}: {error}")
            if source is not spec.sources[-1]:  # the error at the end tells of all
                logger.warning("passing over %s", refused[-1])
            continue
        if files is None:
            cached.store(source, contents, place)
            return from_cache(source, place, tuple(refused))
        return Fetched(files=files, source=source, refused=tuple(refused))
    raise UnavailableError(
        f"no source serves it: {'; '.join(refused) or 'the recipe lists none'}",
        where=f"dataset {spec.name}",
        remedy=f"give a local folder with dataset.path=DIR holding {_wanted(spec)}",
    )


def _found(source: SourceSpec, spec: DatasetSpec, place: Path) -> Mapping[str, Path] | None:
    """Find what is used where it lies, or let torchvision bring it; None for what we gather."""
    _require_allowed(source, spec)
    if source.format is DataFormat.images:
        return {"root": folder.root_of(source)}
    if source.format is DataFormat.torchvision:
        return {"root": _torchvision_root(source, place)}
    return folder.in_place(source) if is_local(source) else None


def _torchvision_root(source: SourceSpec, place: Path) -> Path:
    torchvision_class.require_class(source)
    if source.folder:
        return folder.root_of(replace(source, origin=source.folder))
    root = cached.torchvision_place(source, place)
    torchvision_class.download(source, root, temporary=cached.TEMPORARY)
    return root


def _gather(source: SourceSpec, spec: DatasetSpec) -> dict[str, bytes]:
    """Read every file of a source, verified: file name -> decompressed bytes."""
    _require_allowed(source, spec)
    if not source.files:
        raise SourceError("the recipe lists no files of it")
    contents: dict[str, bytes] = {}
    reasons: list[str] = []
    for copy in SOURCES[source.kind](source):
        try:
            _read_all(copy, source, contents)
        except (SourceError, OSError) as error:
            reasons.append(str(error))
        else:
            return contents
    raise SourceError("; ".join(reasons) or "it has no copy of the data")


def _read_all(copy: Copy, source: SourceSpec, contents: dict[str, bytes]) -> None:
    """Add the files that `contents` lacks, opening the copy again if it brings wrong bytes."""
    for tries_left in reversed(range(copy.tries)):
        try:
            with copy.open() as read:
                for file in source.files.values():
                    if file.name not in contents:
                        contents[file.name] = verify(read(file), file, place=copy.place)
        except WrongBytesError as error:
            if not tries_left:
                raise
            logger.warning("%s; fetching it again", error)
        else:
            return


def _require_allowed(source: SourceSpec, spec: DatasetSpec) -> None:
    if not is_allowed(source, spec):
        raise SourceError("it holds a subset only, and dataset.allow_subset is false")


def _wanted(spec: DatasetSpec) -> str:
    """List what would do, of the first source that may be used."""
    for source in spec.sources:
        if not is_allowed(source, spec):
            continue
        if source.format is DataFormat.images:
            return "one folder of images for each class"
        if source.format is DataFormat.torchvision:
            return f"what torchvision.datasets.{source.origin} would have downloaded"
        if source.files:
            return ", ".join(file.name for file in source.files.values())
        break
    return "the dataset's files"


@contextmanager
def _writable(place: Path) -> Iterator[None]:
    """Turn a failure to write the cache into an error that says so."""
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"the cache cannot be written: {error.strerror or error}",
            where=str(place),
            remedy="free space there or choose another cache directory",
        ) from error
