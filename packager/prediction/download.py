"""A picture from a URL: in bounded time, of bounded size, over few redirects."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from packager import __version__
from packager.datasets.decoding import UnreadableImageError

SCHEMES = frozenset({"http", "https"})
MOST_REDIRECTS = 5

_PIECE = 1 << 16
_KEPT = "%/:=&?~#+!$,;'@()*[]"
"""What has a meaning in a URL; all else that is not plain ASCII is quoted."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow a few redirects; to http and https, as there is no opener of other addresses."""

    max_redirections = MOST_REDIRECTS

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def redirect_request(self, req: Any, *answered: Any) -> Any:
        """Go on for what is left of the time."""
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        req.timeout = left_s
        return super().redirect_request(req, *answered)


def content(url: str, *, timeout_s: float, most_bytes: int) -> bytes:
    """Return what lies at an http or https URL.

    Any host is asked, private ones too: the URL is the user's own. Proxies are those of the
    environment.

    Raises:
        UnreadableImageError: it cannot be had within the time, or is larger.
    """
    headers = {"User-Agent": f"packager/{__version__}", "Accept": "image/*,*/*;q=0.5"}
    deadline = time.monotonic() + timeout_s
    try:
        asked = urllib.request.Request(quote(url, safe=_KEPT), headers=headers)  # noqa: S310
        with _opener(deadline).open(asked, timeout=timeout_s) as answer:
            if int(answer.headers.get("Content-Length") or 0) > most_bytes:
                raise UnreadableImageError(f"it is larger than {most_bytes / 10**6:g} MB")
            return _read(answer, deadline=deadline, most_bytes=most_bytes, timeout_s=timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            raise UnreadableImageError(f"the server answers {_status(error)}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnreadableImageError(_reason(error, timeout_s)) from error


def _opener(deadline: float) -> urllib.request.OpenerDirector:
    """Return an opener of http and https alone: urllib's own also opens files and FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(deadline),
    ):
        opener.add_handler(handler)
    return opener


def _read(
    answer: http.client.HTTPResponse, *, deadline: float, most_bytes: int, timeout_s: float
) -> bytes:
    """Read piece by piece: a server that sends a byte now and then never times out by itself."""
    pieces: list[bytes] = []
    size = 0
    while piece := answer.read1(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            raise UnreadableImageError(f"it is larger than {most_bytes / 10**6:g} MB")
        if time.monotonic() > deadline:
            raise UnreadableImageError(_late(timeout_s))
    return b"".join(pieces)


def _status(error: urllib.error.HTTPError) -> str:
    # What urllib says of too many redirects has lines of its own.
    return f"{error.code} {' '.join(str(error.msg).split())}"


def _reason(error: Exception, timeout_s: float) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return _late(timeout_s)
    told = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(told).split())


def _late(timeout_s: float) -> str:
    return f"it did not come within {timeout_s:g} s (task.timeout_s)"
