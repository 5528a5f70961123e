"""NVIDIA's Triton container, run through the Docker command line."""

from __future__ import annotations

import logging
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from packager.errors import UnavailableError
from packager.server import guarded, ports
from packager.server.flags import server_flags
from packager.spec.server import ControlMode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from packager.server.running import Server
    from packager.spec.server import DockerServerSpec, Ports

_log = logging.getLogger(__name__)

_MODELS = "/models"
_HTTP, _GRPC, _METRICS = 8000, 8001, 8002
_ASK_TIMEOUT_S = 20.0
_REMEDY = "start the Docker daemon, or use server=embedded or server=external"


def unavailable_reason() -> UnavailableError | None:
    """Why no container can be started here; None when the daemon answers."""
    try:
        _docker("version", "--format", "{{.Server.Version}}")
    except UnavailableError as error:
        return error
    return None


def command(
    spec: DockerServerSpec,
    repository: Path,
    *,
    control: ControlMode,
    chosen: Ports,
    identity: str | None,
) -> list[str]:
    """The `docker run` that serves `repository` on chosen ports, by a name where one is given.

    It stays attached: the client passes SIGTERM on to tritonserver, and the log comes to us.

    Raises:
        UnavailableError: the repository cannot be mounted.
    """
    _require_mountable(repository)
    published = ((chosen.http, _HTTP), (chosen.grpc, _GRPC), (chosen.metrics, _METRICS))
    host = f"[{spec.address}]" if ":" in spec.address else spec.address
    return [
        *("docker", "run", "--rm", *([f"--name={identity}"] if identity else [])),
        *(f"--publish={host}:{outside}:{inside}" for outside, inside in published),
        f"--mount=type=bind,source={repository.resolve()},target={_MODELS},readonly",
        "--shm-size=1g",
        spec.image,
        *("tritonserver", f"--model-repository={_MODELS}"),
        *server_flags(identity=identity, control=control),
    ]


@contextmanager
def docker(
    spec: DockerServerSpec,
    repository: Path,
    *,
    control: ControlMode = ControlMode.none,
    extra_flags: Sequence[str] = (),
) -> Iterator[Server]:
    """A Triton container on `repository`, ready, until the block ends.

    Raises:
        UnavailableError: no daemon or image, a fixed port in use, or it did not become ready.
    """
    if reason := unavailable_reason():
        raise reason
    _require_mountable(repository)
    _have_image(spec.image)
    names: list[str] = []

    def launch(chosen: Ports) -> guarded.Launch:
        identity = guarded.new_identity()
        names.append(identity)
        run = command(spec, repository, control=control, chosen=chosen, identity=identity)
        return guarded.Launch(
            command=[*run, *extra_flags],
            identity=identity,
            endpoints=ports.endpoints(chosen, spec.address),
            ready_timeout_s=spec.ready_timeout_s,
            log=spec.log,
            grace_s=spec.grace_s,
        )

    try:
        with guarded.run_on_free_ports(spec.ports, spec.address, launch) as server:
            yield server
    finally:
        for name in names:
            _remove(name)


def _remove(name: str) -> None:
    """Remove a container that outlived its client; usually there is none."""
    try:
        subprocess.run(
            ["docker", "rm", "--force", name],
            capture_output=True,
            timeout=_ASK_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.warning("the container %s may still be there: %s", name, error)


def _require_mountable(repository: Path) -> None:
    if not repository.is_dir() or "," in str(repository.resolve()):
        raise UnavailableError(
            f"Docker cannot mount the model repository {repository}",
            where="repository",
            remedy="name an existing directory without a comma in its path",
        )


def _have_image(image: str) -> None:
    """Pull before the server's time-out starts: the image has many gigabytes."""
    try:
        _docker("image", "inspect", "--format", "{{.Id}}", image)
    except UnavailableError:
        _log.warning("pulling %s; this can take many minutes", image)
        _docker("pull", "--quiet", image, timeout_s=None)


def _docker(*arguments: str, timeout_s: float | None = _ASK_TIMEOUT_S) -> str:
    """What a docker command prints.

    Raises:
        UnavailableError: no docker program, no daemon, or the command failed.
    """
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except FileNotFoundError:
        raise _unavailable("the docker program is not installed") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _unavailable(f"the docker program does not work: {error}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"docker {arguments[0]} failed"]
        raise _unavailable(lines[-1].strip().rstrip(".?"))
    return done.stdout.strip()


def _unavailable(problem: str) -> UnavailableError:
    return UnavailableError(problem, where="server", remedy=_REMEDY)
