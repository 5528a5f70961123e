"""`task=serve`: a server on the repository, in the foreground, until interrupted."""

from __future__ import annotations

import dataclasses
import ipaddress
import logging
import shlex
import signal
import time
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from packager import console
from packager.client import Client
from packager.errors import SpecError, UnavailableError
from packager.lint.located import shown
from packager.server import docker
from packager.server.flags import STOP_GRACE_S, host_flags, load_flags
from packager.server.log_entries import LogReader
from packager.server.start import start
from packager.spec.server import (
    STANDARD_PORTS,
    AutoServerSpec,
    ControlMode,
    DockerServerSpec,
    EmbeddedServerSpec,
    Ports,
    StartedServerSpec,
)
from packager.tasks.selection import choices, chosen_files
from packager.tasks.serve_log import Telling
from packager.tasks.served import why

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from packager.server.running import Server
    from packager.spec.asking import ServeTask
    from packager.spec.job import Job
    from packager.spec.server import ServerSpec
    from packager.tasks.serve_log import Line

SIGNALLED = 128
"""What is added to a signal's number in the status of a process that it ended."""

_LOOK_S = 0.25
_log = logging.getLogger(__name__)


def run(job: Job, task: ServeTask) -> None:
    """Serve the repository until Ctrl-C, or until the server ends.

    Raises:
        SpecError: the chosen server is not ours to start, or a model to load is not there.
        UnavailableError: no repository, no server, or it ended by itself.
    """
    repository = job.require_local_repository().path
    there = chosen_files(job).models()
    spec = _ours(job.server)
    _require_models(task, there)
    if task.print:
        console.out.print(docker_command(spec, repository, task), markup=False, emoji=False)
        return
    spec = _completed(spec, log=task.log)
    _warn_of_others(_listening(spec).address)
    more = load_flags(task.load) if task.control is ControlMode.explicit else []
    with start(spec, repository, control=task.control, host=task.host, more_flags=more) as server:
        try:
            _serve(server)
        except KeyboardInterrupt:
            console.err.print("[dim]stopping; another Ctrl-C does not wait for it[/]")
            raise


def docker_command(spec: StartedServerSpec, repository: Path, task: ServeTask) -> str:
    """Return the command that `server=docker` would run, for a shell; nothing is asked or started.

    Ports that nobody chose are Triton's own, free or not: it may be run elsewhere.

    Raises:
        UnavailableError: Docker cannot mount the repository.
    """
    match spec:
        case AutoServerSpec():
            container = spec.docker
        case DockerServerSpec():
            container = spec
        case _:
            container = DockerServerSpec(address=spec.address, ports=spec.ports)
    more = load_flags(task.load) if task.control is ControlMode.explicit else []
    words = docker.command(
        container,
        repository,
        control=task.control,
        chosen=Ports(
            http=container.ports.http or STANDARD_PORTS.http,
            grpc=container.ports.grpc or STANDARD_PORTS.grpc,
            metrics=container.ports.metrics or STANDARD_PORTS.metrics,
        ),
        identity=None,
    )
    return shlex.join([*words, *host_flags(task.host), *more])


def _serve(server: Server) -> None:
    """Print what there is, then what becomes of it, until the server ends."""
    reader, telling = LogReader(server), Telling()
    _tell(telling.lines(reader.new(), models=False))
    _print(server)
    console.err.print("[dim]Ctrl-C stops it[/]")
    while server.is_running():
        _tell(telling.lines(reader.new()))
        time.sleep(_LOOK_S)
    _tell(telling.lines(reader.new()))
    raise UnavailableError(
        _ended(server.wait()),
        where="server",
        remedy="task.log=FILE keeps its whole log",
    )


def _ended(status: int) -> str:
    """Return how a server ended that nobody stopped; its errors were told as they came."""
    if status > SIGNALLED:
        killed = "; out of memory?" if status - SIGNALLED == signal.SIGKILL else ""
        return f"the server was ended by signal {status - SIGNALLED}{killed}"
    return f"the server ended by itself with status {status}"


def _tell(lines: Iterable[Line]) -> None:
    for line in lines:
        colour = {"": "green", "warning": "yellow"}.get(line.level, "red")
        level = f"{line.level}: " if line.level else ""
        text = "\n         ".join(escape(shown(one)) for one in line.text.splitlines())
        console.err.print(f"[dim]{line.time:%H:%M:%S}[/] [{colour}]{level}[/]{text}", emoji=False)


def _ours(spec: ServerSpec) -> StartedServerSpec:
    if isinstance(spec, StartedServerSpec):
        return spec
    raise SpecError(
        "there is nothing to start with this choice",
        where="server",
        remedy="choose server=auto, server=embedded or server=docker",
    )


def _require_models(task: ServeTask, there: Iterable[str]) -> None:
    """Triton would start without a model that it does not find."""
    known = sorted(there)
    for name in task.load or ():
        if name not in known:
            raise SpecError(
                f"there is no model '{name}' in the repository",
                where="task.load",
                remedy=choices(known),
            )


def _listening(spec: StartedServerSpec) -> EmbeddedServerSpec | DockerServerSpec:
    return spec.embedded if isinstance(spec, AutoServerSpec) else spec


def _warn_of_others(address: str) -> None:
    """Triton asks nobody for a password."""
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = address == "localhost"
    if not is_loopback:
        _log.warning(
            "the server listens on %s: whoever reaches this host can ask its models, and load and"
            " unload them where task.control=explicit; server.address=127.0.0.1 keeps it to itself",
            address,
        )


def _completed(spec: StartedServerSpec, *, log: Path | None) -> StartedServerSpec:
    """Return the server for clients of others, on Triton's own ports where they are free."""
    ports = dataclasses.replace(_listening(spec).ports, standard_first=True)
    changes: dict[str, Any] = {"ports": ports, "log": log, "grace_s": STOP_GRACE_S}
    if isinstance(spec, AutoServerSpec):
        return AutoServerSpec(
            embedded=dataclasses.replace(spec.embedded, **changes),
            docker=dataclasses.replace(spec.docker, **changes),
        )
    return dataclasses.replace(spec, **changes)


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
                rows.append((model, version, f"[red]{escape(why(reason))}[/]"))
    console.out.print(console.endpoints_table(server.endpoints))
    console.out.print(console.models_table(rows))
