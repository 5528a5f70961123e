"""Fetches a dataset's files: from the cache, else from the first source that serves them all.

Files with a sha256 in the recipe are used, and written to the cache, only if their decompressed
bytes have it. A user's own files and folders of images are used where they lie, never copied.
What torchvision downloads by itself it checks by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from packager.datasets import cache as cached
from packager.datasets.sources import debian, folder, pypi, torchvision, torchvision_class
from packager.datasets.sources.copies import Copy, Source, SourceError, WrongBytesError, verify
from packager.errors import UnavailableError
from packager.spec.dataset import DataFormat, DatasetSpec, SourceKind, SourceSpec

SOURCES: Mapping[SourceKind, Source] = {
    SourceKind.folder: folder.copies,
    SourceKind.torchvision: torchvision.copies,
    SourceKind.debian: debian.copies,
    SourceKind.pypi: pypi.copies,
}

logger = logging.getLogger(__name__)


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


def fetch(spec: DatasetSpec, *, cache: Path) -> Fetched:
    """Bring a dataset's files to `cache`/<dataset's name>, or find them there.

    Two processes may fetch at once: the second waits and finds the files of the first.

    Raises:
        UnavailableError: no source serves every file, or the cache cannot be written.
    """
    place = cache / spec.name
    if all(_is_local(source) for source in spec.sources):
        return _fetch(spec, place)
    found = _cached(spec, place)
    if found is not None:
        return found
    with _writable(place), cached.locked(place):
        return _cached(spec, place) or _fetch(spec, place)


def _cached(spec: DatasetSpec, place: Path) -> Fetched | None:
    """Return what was kept, if it came from one of the sources asked for, or nobody knows."""
    for source in spec.sources:
        if not _is_allowed(source, spec):
            continue
        if source.format is DataFormat.torchvision and not source.folder:
            root = torchvision_class.place_of(source, place)
            if root.is_dir():
                return Fetched(files={"root": root}, source=source)
        if not cached.is_complete(source, place):
            continue
        origin = cached.origin(source, place)
        if str(origin) in {str(known) for known in spec.sources} or origin.origin == str(place):
            return _fetched(origin, place)
    return None


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
            return _fetched(source, place, tuple(refused))
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
    return folder.in_place(source) if _is_local(source) else None


def _torchvision_root(source: SourceSpec, place: Path) -> Path:
    torchvision_class.require_class(source)
    if source.folder:
        return folder.root_of(replace(source, origin=source.folder))
    root = torchvision_class.place_of(source, place)
    torchvision_class.download(source, root, temporary=cached.TEMPORARY)
    return root


def _is_local(source: SourceSpec) -> bool:
    """Say whether a source is used where it lies, so that nothing of it is ever cached."""
    if source.format is DataFormat.torchvision:
        return bool(source.folder)
    unverified = any(file.sha256 is None for file in source.files.values())
    return source.format is DataFormat.images or unverified


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


def _is_allowed(source: SourceSpec, spec: DatasetSpec) -> bool:
    return spec.allow_subset or not source.subset


def _require_allowed(source: SourceSpec, spec: DatasetSpec) -> None:
    if not _is_allowed(source, spec):
        raise SourceError("it holds a subset only, and dataset.allow_subset is false")


def _fetched(source: SourceSpec, place: Path, refused: tuple[str, ...] = ()) -> Fetched:
    files = {role: place / file.name for role, file in source.files.items()}
    return Fetched(files=files, source=source, refused=refused)


def _wanted(spec: DatasetSpec) -> str:
    """List what would do, of the first source that may be used."""
    for source in spec.sources:
        if not _is_allowed(source, spec):
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
