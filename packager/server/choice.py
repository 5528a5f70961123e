"""Which server `server=auto` means here; little is imported to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import UnavailableError
from packager.server import wheel

if TYPE_CHECKING:
    from packager.spec.server import AutoServerSpec, DockerServerSpec, EmbeddedServerSpec


def choose(spec: AutoServerSpec) -> EmbeddedServerSpec | DockerServerSpec:
    """The embedded server where it can run, else Docker where its daemon answers.

    Raises:
        UnavailableError: neither; it names both reasons.
    """
    embedded_reason = wheel.unavailable_reason()
    if embedded_reason is None:
        return spec.embedded
    # Imported here: it is asked only where there is no wheel.
    from packager.server import docker  # noqa: PLC0415

    docker_reason = docker.unavailable_reason()
    if docker_reason is None:
        return spec.docker
    raise UnavailableError(
        f"no Triton for the live proof: {embedded_reason.problem}; and {docker_reason.problem}",
        where="server",
        remedy='pip install "packager[embedded]", or start the Docker daemon; '
        "server=none publishes without a live proof",
    )
