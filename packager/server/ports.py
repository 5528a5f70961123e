"""Choosing the TCP ports of a server to start."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress

from packager.errors import UnavailableError
from packager.server.running import Endpoints
from packager.spec.server import STANDARD_PORTS, Ports

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, never bound by us
_KEYS = ("http", "grpc", "metrics")


def choose(ports: Ports, address: str) -> Ports:
    """Fill in free ports; they may be taken before the server binds them, so be ready to retry.

    Raises:
        UnavailableError: a port that was asked for is in use.
    """
    with ExitStack() as held:
        return Ports(
            http=_choose(held, "http", ports, address),
            grpc=_choose(held, "grpc", ports, address),
            metrics=_choose(held, "metrics", ports, address),
        )


def are_fixed(ports: Ports) -> bool:
    """Whether trying again with other ports is out of the question."""
    return all(getattr(ports, key) is not None for key in _KEYS)


def endpoints(ports: Ports, address: str) -> Endpoints:
    """Where a client on this host reaches chosen ports."""
    host = _EVERYWHERE.get(address, address)
    host = f"[{host}]" if ":" in host else host
    return Endpoints(
        http=f"{host}:{ports.http}", grpc=f"{host}:{ports.grpc}", metrics=f"{host}:{ports.metrics}"
    )


def _choose(held: ExitStack, key: str, ports: Ports, address: str) -> int:
    port: int | None = getattr(ports, key)
    standard: int = getattr(STANDARD_PORTS, key)
    fixed = (ports.http, ports.grpc, ports.metrics)
    if port is None and ports.standard_first and standard not in fixed:
        with suppress(UnavailableError):
            return _bind(held, key, standard, address)
    return _bind(held, key, port, address)


def _bind(held: ExitStack, key: str, port: int | None, address: str) -> int:
    """Bind a port for a moment: all of one server's at once, or two could be the same."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = held.enter_context(socket.socket(family, socket.SOCK_STREAM))
    # A listener still refuses us; connections that linger after a stopped server do not.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port or 0))
    except OSError as error:
        where = f"server.{key}_port" if port else "server.address"
        raise UnavailableError(
            f"port {port or 'any'} on {address} cannot be listened on: {error.strerror}",
            where=where,
            remedy=f"stop what listens there, or set {where}=null for a free port"
            if port
            else "name an address of this host",
        ) from error
    return int(listener.getsockname()[1])
