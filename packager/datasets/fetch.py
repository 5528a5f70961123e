"""Fetches a dataset's files: from the cache, else from the first source that serves them all.

Nothing is used, or written to the cache, unless its decompressed bytes have the recipe's sha256.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from packager.datasets import cache as cached
from packager.datasets.sources import debian, folder, pypi, torchvision
from packager.datasets.sources.copies import Copy, Source, SourceError, WrongBytesError, verify
from packager.errors import UnavailableError
from packager.spec.dataset import DatasetSpec, SourceKind, SourceSpec

SOURCES: Mapping[SourceKind, Source] = {
    SourceKind.folder: folder.copies,
    SourceKind.torchvision: torchvision.copies,
    SourceKind.debian: debian.copies,
    SourceKind.pypi: pypi.copies,
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """A dataset's files on this machine, decompressed and verified.

    `files` maps a role to a path. `source` is where the files came from, even if cached since;
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
    found = _cached(spec, place)
    if found is not None:
        return found
    with _writable(place), cached.locked(place):
        return _cached(spec, place) or _fetch(spec, place)


def _cached(spec: DatasetSpec, place: Path) -> Fetched | None:
    """Return what was kept, if it came from one of the sources asked for, or nobody knows."""
    for source in spec.sources:
        if not (_is_allowed(source, spec) and cached.is_complete(source, place)):
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
        try:
            contents = _gather(source, spec)
        except (SourceError, OSError) as error:
            refused.append(f"{source}: {error}")
            logger.warning("passing over %s", refused[-1])
        else:
            cached.store(source, contents, place)
            return _fetched(source, place, tuple(refused))
    raise UnavailableError(
        f"no source serves it: {'; '.join(refused) or 'the recipe lists none'}",
        where=f"dataset {spec.name}",
        remedy=f"give a local folder with dataset.path=DIR holding {_wanted(spec)}",
    )


def _gather(source: SourceSpec, spec: DatasetSpec) -> dict[str, bytes]:
    """Read every file of a source, verified: file name -> decompressed bytes."""
    if not _is_allowed(source, spec):
        raise SourceError("it holds a subset only, and dataset.allow_subset is false")
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


def _fetched(source: SourceSpec, place: Path, refused: tuple[str, ...] = ()) -> Fetched:
    files = {role: place / file.name for role, file in source.files.items()}
    return Fetched(files=files, source=source, refused=refused)


def _wanted(spec: DatasetSpec) -> str:
    """List the files that would do, of the first source whose files may be used."""
    allowed = [source for source in spec.sources if _is_allowed(source, spec)]
    names = [file.name for source in allowed[:1] for file in source.files.values()]
    return ", ".join(names) or "the dataset's files"


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
