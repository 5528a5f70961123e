"""A Triton that somebody else runs: we only look whether it answers."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packager.errors import SpecError, UnavailableError
from packager.server import readiness
from packager.server.running import Endpoints, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.server import ExternalServerSpec

_log = logging.getLogger(__name__)

_WATCH_S = 1.0
PATIENCE_S = 2.0
"""How long to wait before saying so."""


class ExternalServer:
    """A `Server` that is not ours: no log, and its end is only seen from outside."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    @property
    def endpoints(self) -> Endpoints:
        """Where it listens."""
        return self._endpoints

    def failure_reason(self, model: str) -> str | None:  # noqa: ARG002 - its log is not ours
        """Nothing: the reason is in a log that only its owner can read."""
        return None

    def log_from(self, position: int) -> bytes:  # noqa: ARG002 - likewise
        """Nothing: the log is not ours to read."""
        return b""

    def log_tail(self, lines: int) -> str:  # noqa: ARG002 - likewise
        """Nothing: the log is not ours to read."""
        return ""

    def is_running(self) -> bool:
        """Whether it answers."""
        return readiness.is_ready(self._endpoints.http)

    def wait(self) -> int:
        """Block while it answers."""
        while self.is_running():
            time.sleep(_WATCH_S)
        return 0


def _is_ready_within(http: str, timeout_s: float) -> bool:
    """Wait, and say so where it takes longer than a moment."""
    patience_s = min(PATIENCE_S, timeout_s)
    if _is_soon_ready(http, patience_s):
        return True
    if timeout_s == patience_s:
        return False
    _log.warning("waiting for a Triton at %s, up to %g s", http, timeout_s)
    return _is_soon_ready(http, timeout_s - patience_s)


def _is_soon_ready(http: str, timeout_s: float) -> bool:
    return readiness.wait_until_ready(
        http, timeout_s=timeout_s, identity=None, goes_on=lambda: True
    )


@contextmanager
def external(spec: ExternalServerSpec) -> Iterator[Server]:
    """The server at the spec's address, once it is ready; it is left as it is afterwards.

    Raises:
        SpecError: an address is not `host:port`.
        UnavailableError: it is not ready within the spec's time.
    """
    http = host_and_port(spec.url, where="server.url")
    grpc = spec.grpc_url and host_and_port(spec.grpc_url, where="server.grpc_url")
    if not _is_ready_within(http, spec.ready_timeout_s):
        raise UnavailableError(
            f"no ready Triton answered at {http} within {spec.ready_timeout_s:g} s",
            where="server.url",
            remedy="start it, correct the address, or use server=embedded",
        )
    yield ExternalServer(Endpoints(http=http, grpc=grpc))


def host_and_port(url: str, *, where: str) -> str:
    """`host:port` of `http://host:port`, `grpc://host:port` or `host:port`.

    Raises:
        SpecError: it is something else.
    """
    parts = urlsplit(url if "://" in url else f"//{url}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    plain = parts.scheme in ("", "http", "grpc") and parts.path in ("", "/")
    if not host or not port or not plain or parts.username:
        raise SpecError(f"is {url!r}; expected host:port", where=where, remedy="e.g. triton:8000")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
