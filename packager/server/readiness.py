"""Waiting until a server answers over HTTP."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S = 0.02
_REQUEST_TIMEOUT_S = 5.0


def wait_until_ready(
    endpoint: str, *, timeout_s: float, identity: str | None, goes_on: Callable[[], bool]
) -> bool:
    """Whether the server became ready before the time-out and while `goes_on()`.

    `identity` is the server's `--id`: another server on a port that raced us is not ours.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and goes_on():
        if is_ready(endpoint) and identity in (None, server_name(endpoint)):
            return True
        time.sleep(_POLL_S)
    return False


def is_ready(endpoint: str) -> bool:
    """Whether `host:port` answers that it is ready for requests."""
    return _get(endpoint, "/v2/health/ready") is not None


def server_name(endpoint: str) -> str | None:
    """The server's `--id`, `triton` where none was given; None if it does not answer."""
    body = _get(endpoint, "/v2")
    try:
        return None if body is None else str(json.loads(body)["name"])
    except (ValueError, KeyError, TypeError):
        return None


def _get(endpoint: str, path: str) -> bytes | None:
    """The body of a 200 answer, else None."""
    connection = http.client.HTTPConnection(endpoint, timeout=_REQUEST_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == 200 else None
