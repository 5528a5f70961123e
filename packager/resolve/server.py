"""The server that proves and serves."""

from __future__ import annotations

from typing import Any

from packager import schema
from packager.spec.server import (
    AutoServerSpec,
    DockerServerSpec,
    EmbeddedServerSpec,
    ExternalServerSpec,
    NoServerSpec,
    Ports,
    ServerSpec,
)


def server_spec(config: schema.ServerConfig) -> ServerSpec:
    """Return the server of the chosen kind."""
    match config:
        case schema.ExternalServerConfig():
            return ExternalServerSpec(
                url=config.url, grpc_url=config.grpc_url, ready_timeout_s=config.ready_timeout_s
            )
        case schema.DockerServerConfig():
            docker = DockerServerSpec(image=config.image, **_listening(config))
            if config.kind is schema.ServerKind.docker:
                return docker
            return AutoServerSpec(embedded=EmbeddedServerSpec(**_listening(config)), docker=docker)
        case schema.EmbeddedServerConfig():
            return EmbeddedServerSpec(**_listening(config))
        case _:
            return NoServerSpec()


def _listening(config: schema.EmbeddedServerConfig) -> dict[str, Any]:
    ports = Ports(http=config.http_port, grpc=config.grpc_port, metrics=config.metrics_port)
    return {
        "address": config.address,
        "ports": ports,
        "ready_timeout_s": config.ready_timeout_s,
    }
