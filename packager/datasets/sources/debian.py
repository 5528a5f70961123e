"""Files from a Debian package: the installed one, or one unpacked aside without root."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from packager.datasets.sources.command import run
from packager.datasets.sources.copies import Copy, Read, SourceError
from packager.datasets.sources.folder import copy_in, read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.dataset import SourceSpec

APT_GET = ("apt-get", "-qq", "-o", "Acquire::http::Timeout=10", "-o", "Acquire::https::Timeout=10")

SYSTEM = Path("/")
"""Where installed packages' files are."""

logger = logging.getLogger(__name__)


def copies(source: SourceSpec) -> Iterator[Copy]:
    """Offer `folder` of the package `origin` where it is installed, then of its download."""
    folder = source.folder.strip("/")
    installed = SYSTEM / folder
    if installed.is_dir():
        yield copy_in(installed)
    yield Copy(
        place=f"Debian package {source.origin}",
        open=partial(_unpacked, source.origin, folder),
        tries=2,
    )


@contextmanager
def _unpacked(package: str, folder: str) -> Iterator[Read]:
    with TemporaryDirectory(prefix="packager-debian-") as work:
        _download(package, Path(work))
        archives = tuple(Path(work).glob("*.deb"))
        if len(archives) != 1:
            raise SourceError(f"apt-get brought {len(archives)} packages for {package}")
        run("dpkg-deb", "-x", archives[0].name, "unpacked", folder=Path(work))
        yield partial(read_file, Path(work, "unpacked", folder))


def _download(package: str, work: Path) -> None:
    """Bring the .deb; fresh containers have no package lists, old ones list gone versions."""
    logger.info("downloading Debian package %s", package)
    try:
        run(*APT_GET, "download", "--", package, folder=work)
    except SourceError as first:
        logger.info("%s; updating the package lists", first)
        try:
            run(*APT_GET, "update", folder=work)
            run(*APT_GET, "download", "--", package, folder=work)
        except SourceError as second:
            if str(second) == str(first):
                raise
            raise SourceError(f"{first}; then {second}") from second
