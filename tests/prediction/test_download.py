"""Pictures from a real web server, a good one and bad ones."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from packager.datasets.decoding import UnreadableImageError
from packager.prediction.download import content

from . import pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.server import BaseHTTPRequestHandler

    from .pages import Page

RELEASED = threading.Event()


def _drip(request: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then, for as long as somebody listens."""
    request.send_response(200)
    request.end_headers()
    while not RELEASED.wait(0.02):
        try:
            request.wfile.write(b".")
        except OSError:
            return


def _silent(_request: BaseHTTPRequestHandler) -> None:
    RELEASED.wait(20)


def _endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(100):
        try:
            request.wfile.write(bytes(1000))
        except OSError:
            return


def _redirect(to: str) -> Page:
    return pages.content(b"", status=302, Location=to)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A web server."""
    found = {
        "/a.png?x=1&y=%20z": pages.content(b"picture"),
        "/moved": _redirect("/a.png?x=1&y=%20z"),
        "/round": _redirect("/round"),
        "/file": _redirect("file:///etc/passwd"),
        "/ftp": _redirect("ftp://127.0.0.1/a.png"),
        "/large": pages.content(b"", Content_Length="1001"),
        "/drip": _drip,
        "/silent": _silent,
        "/endless": _endless,
        "/caf%C3%A9%20a": pages.content(b"coffee"),
    }
    RELEASED.clear()
    with pages.served(found) as address:
        yield address
        RELEASED.set()


@pytest.mark.parametrize(
    ("path", "found"),
    [("/a.png?x=1&y=%20z", b"picture"), ("/moved", b"picture"), ("/caf\u00e9 a#part", b"coffee")],
)
def test_what_lies_there_is_read(site: str, path: str, found: bytes) -> None:
    """With its query, over a redirect, and with what a browser would quote."""
    assert content(site + path, timeout_s=5, most_bytes=1000) == found


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/gone", "the server answers 404 Not Found"),
        ("/round", "the server answers 302 .*redirect"),
        ("/file", "'file:///etc/passwd' is not allowed"),
        ("/ftp", "unknown url type: ftp"),
        ("/large", "larger than 0.001 MB"),
        ("/endless", "larger than 0.001 MB"),
        ("/drip", "did not come within 0.3 s"),
        ("/silent", "did not come within 0.3 s"),
    ],
)
def test_what_cannot_be_had_says_why(site: str, path: str, why: str) -> None:
    """Within the time, whatever the server does."""
    with pytest.raises(UnreadableImageError, match=why):
        content(site + path, timeout_s=0.3, most_bytes=1000)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:9/a", "Connection refused"),
        ("http://", "no host given"),
        ("http://127.0.0.1:port/a", "nonnumeric port"),
        ("http://[::1/a", "IPv6"),
    ],
)
def test_an_address_that_leads_nowhere_says_why(url: str, why: str) -> None:
    """In words, not with a traceback."""
    with pytest.raises(UnreadableImageError, match=why):
        content(url, timeout_s=1, most_bytes=1000)
