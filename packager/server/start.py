"""From a server spec to a running server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.server import docker as docker_server
from packager.server import embedded as embedded_server
from packager.server.choice import choose
from packager.server.external import external
from packager.server.flags import host_flags
from packager.spec.server import (
    AutoServerSpec,
    ControlMode,
    DockerServerSpec,
    EmbeddedServerSpec,
    ExternalServerSpec,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from packager.server.running import Server


def start(
    spec: EmbeddedServerSpec | DockerServerSpec | ExternalServerSpec | AutoServerSpec,
    repository: Path,
    *,
    control: ControlMode = ControlMode.none,
    host: str | None = None,
    more_flags: Sequence[str] = (),
) -> AbstractContextManager[Server]:
    """A ready server on `repository`; an external one keeps its own repository and mode.

    With `host` it takes `configs/<host>.pbtxt` of every model that has one.

    Raises:
        UnavailableError: none can be had.
    """
    if isinstance(spec, AutoServerSpec):
        spec = choose(spec)
    flags = [*host_flags(host), *more_flags]
    if isinstance(spec, EmbeddedServerSpec):
        return embedded_server.embedded(spec, repository, control=control, extra_flags=flags)
    if isinstance(spec, DockerServerSpec):
        return docker_server.docker(spec, repository, control=control, extra_flags=flags)
    return external(spec)
