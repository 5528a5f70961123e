"""Files from the mirrors that a torchvision dataset class names, downloaded by ourselves.

torchvision's own download has no time-out and checks the compressed bytes' md5.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from packager.datasets.sources.copies import Copy, Read, SourceError, gunzip
from packager.datasets.sources.download import download

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packager.spec.dataset import FileSpec, SourceSpec


def copies(source: SourceSpec) -> Iterator[Copy]:
    """Offer each mirror of the class that `origin` names.

    Raises:
        SourceError: torchvision is missing, or has no such class with mirrors.
    """
    try:
        # Imported here: torch takes seconds to load, and most fetches end in the cache.
        dataset = getattr(import_module("torchvision.datasets"), source.origin)
        resources = {name.removesuffix(".gz"): name for name, _md5 in dataset.resources}
        mirrors = tuple(dataset.mirrors)
    except ImportError as error:
        raise SourceError(f"torchvision cannot be imported: {error}") from error
    except AttributeError as error:
        raise SourceError(f"torchvision has no such dataset with mirrors: {error}") from error
    for mirror in mirrors:
        yield Copy(place=mirror, open=partial(_open, mirror, resources), tries=2)


def _open(mirror: str, resources: Mapping[str, str]) -> AbstractContextManager[Read]:
    return nullcontext(partial(_read, mirror, resources))


def _read(mirror: str, resources: Mapping[str, str], file: FileSpec) -> bytes:
    if file.name not in resources:
        raise SourceError(f"torchvision lists no {file.name}; it lists {', '.join(resources)}")
    url = f"{mirror.rstrip('/')}/{resources[file.name]}"
    data = download(url)
    return gunzip(data, place=url) if url.endswith(".gz") else data
