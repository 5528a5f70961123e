"""`task=serve`: a server on the repository, in the foreground, until interrupted."""

from __future__ import annotations

import dataclasses
import socket
from typing import TYPE_CHECKING

from rich.markup import escape

from packager import console
from packager.client import Client
from packager.errors import SpecError, UnavailableError
from packager.server.start import start
from packager.spec.server import (
    AutoServerSpec,
    DockerServerSpec,
    EmbeddedServerSpec,
    Ports,
    ServerSpec,
)

if TYPE_CHECKING:
    from packager.server.running import Server
    from packager.spec.asking import ServeTask
    from packager.spec.job import Job

STANDARD = Ports(http=8000, grpc=8001, metrics=8002)
"""Triton's own ports: taken where they are free and the recipe names no others."""


def run(job: Job, task: ServeTask) -> None:
    """Serve the repository until Ctrl-C, or until the server ends.

    Raises:
        SpecError: the chosen server is not ours to start.
        UnavailableError: no repository, no server, or it ended by itself.
    """
    repository = job.require_local_repository().path
    if not repository.is_dir():
        raise UnavailableError(
            f"there is no model repository at {repository}",
            where="repository.path",
            remedy="build a model first, for example: python -m packager model=fashion_cnn",
        )
    spec = _with_standard_ports(job.server)
    with start(spec, repository, control=task.control, host=task.host) as server:
        _print(server)
        console.err.print("[dim]Ctrl-C stops it[/]")
        status = server.wait()
        raise UnavailableError(
            f"the server ended by itself with status {status}: {server.log_tail(5)}",
            where="server",
            remedy="read its log above",
        )


def _with_standard_ports(
    spec: ServerSpec,
) -> AutoServerSpec | EmbeddedServerSpec | DockerServerSpec:
    match spec:
        case AutoServerSpec():
            ports = _ports(spec.embedded)
            return AutoServerSpec(
                embedded=dataclasses.replace(spec.embedded, ports=ports),
                docker=dataclasses.replace(spec.docker, ports=ports),
            )
        case EmbeddedServerSpec() | DockerServerSpec():
            return dataclasses.replace(spec, ports=_ports(spec))
        case _:
            raise SpecError(
                "there is nothing to start with this choice",
                where="server",
                remedy="choose server=auto, server=embedded or server=docker",
            )


def _ports(spec: EmbeddedServerSpec | DockerServerSpec) -> Ports:
    """Return the ports asked for, else Triton's own where they are free, else any."""
    return Ports(
        **{
            name: getattr(spec.ports, name) or (port if _is_free(spec.address, port) else None)
            for name, port in dataclasses.asdict(STANDARD).items()
        }
    )


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _print(server: Server) -> None:
    """Print the endpoints, and every model that the server knows."""
    rows = []
    with Client(server.endpoints) as client:
        for entry in client.repository_index():
            model, version = entry["name"], entry.get("version", "")
            if entry.get("state") == "READY":
                rows.append((model, version, "[green]ready[/]"))
            else:
                reason = server.failure_reason(model) or entry.get("reason") or "not loaded"
                rows.append((model, version, f"[red]{escape(reason)}[/]"))
    console.out.print(console.endpoints_table(server.endpoints))
    console.out.print(console.models_table(rows))
