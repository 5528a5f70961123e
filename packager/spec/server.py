"""Which Triton answers for a model, and where it listens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from packager.spec.validity import require

IMAGE = "nvcr.io/nvidia/tritonserver:24.12-py3"
"""NVIDIA's container where no other is chosen; `conf/server/` says the same."""


class ControlMode(Enum):
    """Triton's model control mode: load once, follow the repository, or load when asked."""

    none = "none"
    poll = "poll"
    explicit = "explicit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """TCP ports of a server to start; None takes a free one.

    With `standard_first` that is Triton's own where nobody listens on it.
    """

    http: int | None = None
    grpc: int | None = None
    metrics: int | None = None
    standard_first: bool = False

    def __post_init__(self) -> None:
        for key in ("http", "grpc", "metrics"):
            port = getattr(self, key)
            require(
                port is None or 0 < port < 65536,
                f"is {port}; expected 1 to 65535, or null for a free one",
                where=f"server.{key}_port",
            )
        fixed = [port for port in (self.http, self.grpc, self.metrics) if port is not None]
        require(
            len(fixed) == len({*fixed}),
            f"gives one port to two listeners: {', '.join(map(str, fixed))}",
            where="server",
        )


STANDARD_PORTS = Ports(http=8000, grpc=8001, metrics=8002)
"""Triton's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedServerSpec:
    """The tritonserver of the nvidia-pytriton wheel, as a child process.

    `log` is a file for its whole log; None: it can be read while the server runs, and goes with it.
    When it is to end, requests of clients that are not ours have `grace_s` seconds to be answered;
    without any it is killed.
    """

    address: str = "127.0.0.1"
    ports: Ports = Ports()
    ready_timeout_s: float = 120.0
    log: Path | None = None
    grace_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DockerServerSpec:
    """NVIDIA's container, run by the local Docker daemon; `log` and `grace_s` as above."""

    image: str = IMAGE
    address: str = "127.0.0.1"
    ports: Ports = Ports()
    ready_timeout_s: float = 300.0
    log: Path | None = None
    grace_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ExternalServerSpec:
    """A Triton that somebody else runs, by its HTTP address (`host:port`); gRPC where given."""

    url: str
    grpc_url: str | None = None
    ready_timeout_s: float = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoServerSpec:
    """The embedded server where its wheel is installed, else Docker where its daemon answers."""

    embedded: EmbeddedServerSpec
    docker: DockerServerSpec


StartedServerSpec = EmbeddedServerSpec | DockerServerSpec | AutoServerSpec
"""A server that is ours to start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoServerSpec:
    """No live proof: the model is published unchecked by a server, and says so."""


ServerSpec = (
    EmbeddedServerSpec | DockerServerSpec | ExternalServerSpec | AutoServerSpec | NoServerSpec
)
