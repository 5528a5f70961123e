"""Downloads over HTTP that give up within seconds when nothing answers."""

from __future__ import annotations

import logging
import sys
import urllib.request
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from packager.datasets.sources.copies import SourceError, WrongBytesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TIMEOUT_S = 5.0
"""For connecting, and for each wait for more bytes; a slow download may take longer."""

CHUNK_BYTES = 1 << 16

logger = logging.getLogger(__name__)


def download(url: str) -> bytes:
    """Get what an http or https URL serves.

    Raises:
        SourceError: nothing answers in time, or with an error.
        WrongBytesError: the answer is cut short.
    """
    if not url.startswith(("http://", "https://")):
        raise SourceError(f"{url} is neither http nor https")
    try:
        # The scheme was checked above.
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310
            return _receive(response, url)
    except HTTPError as error:
        error.close()
        raise SourceError(f"{url} answers {error.code} {error.reason}") from error
    except URLError as error:
        raise SourceError(f"{url} cannot be reached: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise SourceError(f"{url} does not answer: {error or type(error).__name__}") from error


def _receive(response: HTTPResponse, url: str) -> bytes:
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    received = bytearray()
    with _progress(url, total) as advance:
        try:
            while chunk := response.read(CHUNK_BYTES):
                received += chunk
                advance(len(chunk))
        except (OSError, HTTPException) as error:
            raise WrongBytesError(f"{url} broke off at byte {len(received)}: {error}") from error
    if total is not None and len(received) != total:
        raise WrongBytesError(f"{url} broke off at byte {len(received)} of {total}")
    return bytes(received)


@contextmanager
def _progress(url: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal; elsewhere log one line."""
    if not sys.stderr.isatty():
        logger.info("downloading %s (%s bytes)", url, "unknown" if total is None else total)
        yield lambda _count: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, TransferSpeedColumn(), console=console, transient=True) as progress:
        task = progress.add_task(url.rsplit("/", 1)[-1], total=total)
        yield partial(progress.advance, task)
