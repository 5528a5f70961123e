"""Which ports a server of ours is given: those asked for, Triton's own, or any that is free."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from packager.errors import SpecError, UnavailableError
from packager.server import ports
from packager.spec.server import Ports

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


@pytest.fixture
def standard(monkeypatch: pytest.MonkeyPatch) -> Ports:
    """Free ports in the place of Triton's own, which another test's server may hold."""
    free = ports.choose(Ports(), LOOPBACK)
    monkeypatch.setattr(ports, "STANDARD_PORTS", free)
    return free


@contextlib.contextmanager
def _listening(port: int | None) -> Iterator[None]:
    with socket.create_server((LOOPBACK, port or 0)):
        yield


def test_standard_ports_are_taken_where_they_are_free(standard: Ports) -> None:
    """All of them, if nobody listens."""
    assert ports.choose(Ports(standard_first=True), LOOPBACK) == standard


def test_another_port_is_taken_for_a_standard_one_in_use(standard: Ports) -> None:
    """For that one only: so the loser of a race for them is given others at its next try."""
    with _listening(standard.grpc):
        chosen = ports.choose(Ports(standard_first=True), LOOPBACK)
    assert (chosen.http, chosen.metrics) == (standard.http, standard.metrics)
    assert chosen.grpc not in (None, standard.grpc)


def test_a_standard_port_that_was_given_to_another_listener_is_not_given_twice(
    standard: Ports,
) -> None:
    """A fixed port stays."""
    chosen = ports.choose(Ports(grpc=standard.http, standard_first=True), LOOPBACK)
    assert chosen.grpc == standard.http
    assert chosen.http not in (None, standard.http)


def test_a_fixed_port_in_use_is_an_error(standard: Ports) -> None:
    """Nobody asked for another."""
    with (
        _listening(standard.http),
        pytest.raises(UnavailableError, match=rf"port {standard.http} .* cannot be listened on"),
    ):
        ports.choose(Ports(http=standard.http, standard_first=True), LOOPBACK)


def test_one_port_for_two_listeners_is_refused() -> None:
    """Before anything starts."""
    with pytest.raises(SpecError, match="gives one port to two listeners: 8000, 8000"):
        Ports(http=8000, grpc=8000)
