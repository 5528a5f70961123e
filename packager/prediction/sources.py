"""Which pictures are meant: files, folders, patterns, URLs, standard input."""

from __future__ import annotations

import glob
import io
import re
import sys
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from packager.datasets.decoding import UnreadableImageError, open_image
from packager.datasets.image_listing import SUFFIXES, images_below
from packager.errors import UnavailableError
from packager.prediction import download

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from PIL import Image

STANDARD_INPUT = "-"
MOST_BYTES = 50_000_000
"""So large may a picture be that comes from a URL, standard input or a pipe."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")


class Kind(Enum):
    """How a picture is read."""

    file = "file"
    url = "url"
    standard_input = "standard input"
    nothing = "nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One picture, by the name that it is told with; `error` says why there is nothing to read."""

    name: str
    kind: Kind = Kind.file
    error: str = ""


def sources(names: Iterable[str]) -> tuple[Source, ...]:
    """Return the pictures that are meant, in the order given, those of a folder by name.

    A name that is no URL is first looked for as it stands: a file whose name has brackets is not
    taken for a pattern. What is not there is a source with an error.
    """
    return tuple(source for name in names for source in _sources(name))


def opened(source: Source, *, timeout_s: float) -> Image.Image:
    """Open a picture; its pixels are read later.

    Raises:
        UnreadableImageError: it cannot be read, or is no picture.
    """
    if source.error:
        raise UnreadableImageError(source.error)
    try:
        match source.kind:
            case Kind.url:
                content = download.content(source.name, timeout_s=timeout_s, most_bytes=MOST_BYTES)
            case Kind.standard_input:
                content = _standard_input()
            case _ if Path(source.name).is_file():
                return open_image(source.name)
            case _:  # a pipe or device: Pillow wants to go back and forth in it
                with Path(source.name).open("rb") as stream:
                    content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UnreadableImageError(getattr(error, "strerror", None) or str(error)) from error
    if len(content) > MOST_BYTES:
        raise UnreadableImageError(f"it is larger than {MOST_BYTES / 10**6:g} MB")
    return open_image(io.BytesIO(content))


def _sources(name: str) -> Iterator[Source]:
    scheme = _SCHEME.match(name)
    if name == STANDARD_INPUT:
        yield Source(name=name, kind=Kind.standard_input)
    elif scheme and scheme[1].lower() in download.SCHEMES:
        yield Source(name=name, kind=Kind.url)
    elif scheme:
        yield _nothing(name, f"only http and https URLs are read, not {scheme[1]}")
    else:
        yield from _on_disk(name)


def _on_disk(name: str) -> Iterator[Source]:
    try:
        path = Path(name).expanduser()
        text = str(path) if name.startswith("~") else name
        if path.is_dir():
            found = [f"{text.rstrip('/')}/{image}" for image in sorted(images_below(path))]
            why = f"the folder holds no picture ({', '.join(SUFFIXES)})"
        elif path.exists():
            found, why = [text], ""
        else:
            found = _matches(text)
            why = "no file matches" if glob.has_magic(text) else "no such file or folder"
    except (OSError, RuntimeError, ValueError) as error:
        found, why = [], getattr(error, "strerror", None) or str(error)
    except UnavailableError as error:
        found, why = [], error.problem
    yield from (Source(name=one) for one in found)
    if not found:
        yield _nothing(name, why)


def _matches(pattern: str) -> list[str]:
    """Return the files that a pattern matches, sorted; `**` stands for any folders."""
    # Path.glob takes no absolute patterns.
    found = glob.glob(pattern, recursive=True)  # noqa: PTH207
    return sorted(name for name in found if not Path(name).is_dir())


def _nothing(name: str, why: str) -> Source:
    return Source(name=name, kind=Kind.nothing, error=why)


@cache
def _standard_input() -> bytes:
    """Read standard input, once however often it is named."""
    return sys.stdin.buffer.read(MOST_BYTES + 1)
