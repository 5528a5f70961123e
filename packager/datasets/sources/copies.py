"""What every source offers: copies of the data, and the ways in which a copy can fail."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from packager.spec.dataset import FileSpec, SourceSpec

Read = Callable[[FileSpec], bytes]
"""Gives a file's decompressed bytes, unverified; raises `SourceError`."""


class SourceError(Exception):
    """A source cannot serve; the text is the reason, for people to read."""


class WrongBytesError(SourceError):
    """Bytes came, but cut short or other than the recipe's; worth one more try."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """One copy of a source's files: a folder, a mirror, a package.

    `open` reaches it once for all files (a package is downloaded here, not once per file) and
    cleans up behind itself. `tries` is 2 where opening again can bring better bytes.
    """

    place: str
    open: Callable[[], AbstractContextManager[Read]]
    tries: int = 1


class Source(Protocol):
    """Lists the copies of one kind of source, the nearest first."""

    def __call__(self, source: SourceSpec, /) -> Iterable[Copy]:
        """Give the copies to try in order; raise `SourceError` if there can be none."""


def verify(data: bytes, file: FileSpec, *, place: str) -> bytes:
    """Give the decompressed bytes back if they are the recipe's.

    Raises:
        WrongBytesError: their sha256 is another one.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        raise WrongBytesError(
            f"{place}: {file.name} has sha256 {found} in {len(data)} bytes, expected {file.sha256}"
        )
    return data


def gunzip(data: bytes, *, place: str) -> bytes:
    """Decompress a whole .gz file.

    Raises:
        WrongBytesError: it is cut short, corrupt or no gzip at all.
    """
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise WrongBytesError(f"{place} does not decompress: {error}") from error
