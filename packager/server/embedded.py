"""The tritonserver of the nvidia-pytriton wheel as a child process: no Docker, no GPU."""

from __future__ import annotations

import os
import sys
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packager import openmp
from packager.errors import UnavailableError
from packager.server import guarded, ports, wheel
from packager.server.backend_directory import OURS, backend_directory
from packager.server.flags import server_flags
from packager.server.stub_paths import require_safe, safe
from packager.spec.server import ControlMode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packager.spec.server import EmbeddedServerSpec, Ports


@contextmanager
def embedded(
    spec: EmbeddedServerSpec,
    repository: Path,
    *,
    control: ControlMode = ControlMode.none,
    backends: Mapping[str, Path] = OURS,
    extra_flags: Sequence[str] = (),
) -> Iterator[guarded.GuardedServer]:
    """A tritonserver on `repository`, ready, until the block ends.

    `backends` are offered beside the wheel's Python backend: name -> folder of Python files.

    Raises:
        UnavailableError: no wheel, a fixed port in use, or the server did not become ready.
    """
    triton = wheel.find()
    if not repository.is_dir():
        raise UnavailableError(
            f"the model repository {repository} is not a directory",
            where="repository",
            remedy="create it, or name another one",
        )
    directory = backend_directory(triton, backends=backends)
    require_safe(directory, setting="XDG_CACHE_HOME")

    def launch(chosen: Ports, models: Path) -> guarded.Launch:
        identity = guarded.new_identity()
        return guarded.Launch(
            command=[
                str(triton.program),
                *server_flags(identity=identity, control=control),
                *_place_flags(spec.address, chosen, models, directory),
                f"--backend-config=python,shm-region-prefix-name={identity}-",
                *extra_flags,
            ],
            identity=identity,
            endpoints=ports.endpoints(chosen, spec.address),
            ready_timeout_s=spec.ready_timeout_s,
            environment=_environment(triton),
            # The stub's sys.path starts with the working directory: the user's must not be it.
            directory=directory,
            log=spec.log,
            grace_s=spec.grace_s,
        )

    with (
        safe(repository.resolve()) as models,
        guarded.run_on_free_ports(
            spec.ports, spec.address, lambda chosen: launch(chosen, models)
        ) as server,
    ):
        yield server


def _place_flags(address: str, chosen: Ports, repository: Path, directory: Path) -> list[str]:
    return [
        f"--model-repository={repository}",
        f"--backend-directory={directory}",
        *(f"--http-address={address}", f"--http-port={chosen.http}"),
        *(f"--grpc-address={address}", f"--grpc-port={chosen.grpc}"),
        *(f"--metrics-address={address}", f"--metrics-port={chosen.metrics}"),
    ]


def _environment(triton: wheel.TritonWheel) -> dict[str, str]:
    """Ours, and what lets the server find its libraries and the stub this interpreter."""
    environment = dict(os.environ)
    library_path = [str(triton.libraries), sysconfig.get_config_var("LIBDIR") or ""]
    environment |= {
        "LD_LIBRARY_PATH": _joined(*library_path, environment.get("LD_LIBRARY_PATH", "")),
        "PATH": _joined(str(Path(sys.prefix) / "bin"), environment.get("PATH", "")),
        "VIRTUAL_ENV": sys.prefix,
    }
    openmp.give_way(environment)
    environment.pop("PYTHONHOME", None)
    return environment


def _joined(*parts: str) -> str:
    return os.pathsep.join(part for part in parts if part)
