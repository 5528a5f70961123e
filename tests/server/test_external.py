"""A server that somebody else runs: the one of the other tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.errors import SpecError, UnavailableError
from packager.server.external import host_and_port
from packager.server.start import start
from packager.spec.server import ExternalServerSpec

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Workbench


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_an_external_server_is_used_and_left_alone(
    workbench: Workbench, tmp_path: Path, scheme: str
) -> None:
    """Its address with or without a scheme; it runs on afterwards."""
    ours = workbench.server.endpoints
    spec = ExternalServerSpec(url=f"{scheme}{ours.http}", grpc_url=ours.grpc)
    with start(spec, tmp_path) as server:
        assert (server.endpoints.http, server.endpoints.grpc) == (ours.http, ours.grpc)
        assert server.is_running()
        assert server.failure_reason("x") is None
        assert server.log_tail(5) == ""
    assert workbench.client.is_ready()


def test_an_external_server_that_is_down_is_named(tmp_path: Path) -> None:
    """After the spec's time, not later."""
    spec = ExternalServerSpec(url="127.0.0.1:9", ready_timeout_s=0.2)
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9") as caught, start(spec, tmp_path):
        pass
    assert caught.value.where == "server.url"


@pytest.mark.parametrize(
    "url", ["", "triton", "triton:port", "https://triton:8000", "triton:8000/v2", "a:99999"]
)
def test_an_address_without_host_or_port_is_refused(url: str) -> None:
    """It names the key; TLS is not spoken."""
    with pytest.raises(SpecError, match="expected host:port"):
        host_and_port(url, where="server.url")
