"""The real tritonserver inside the nvidia-pytriton wheel, found without importing the wheel."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from packager.errors import UnavailableError

DISTRIBUTION = "nvidia-pytriton"
"""The wheel's name to pip."""

_INSTALL = 'pip install "packager[embedded]", or use server=docker or server=external'


@dataclass(frozen=True, kw_only=True, slots=True)
class TritonWheel:
    """The wheel's files that an embedded server is made of."""

    program: Path
    libraries: Path
    python_backend: tuple[Path, ...]
    stub: Path


def find() -> TritonWheel:
    """The installed wheel.

    Raises:
        UnavailableError: it is not there, or cannot work with this Python, platform or numpy.
    """
    if platform.system() != "Linux":
        raise _unavailable(f"the embedded tritonserver runs on Linux, not on {platform.system()}")
    spec = importlib.util.find_spec("pytriton")
    if spec is None or not spec.submodule_search_locations:
        raise _unavailable("nvidia-pytriton, which holds the embedded tritonserver, is missing")
    wheel = _files(Path(spec.submodule_search_locations[0]))
    _refuse_numpy_2()
    return wheel


def unavailable_reason() -> UnavailableError | None:
    """Why no embedded server can be started here; None when one can."""
    try:
        find()
    except UnavailableError as error:
        return error
    return None


def _files(package: Path) -> TritonWheel:
    root = package / "tritonserver"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = root / "python_backend_stubs" / python / "triton_python_backend_stub"
    program = root / "bin" / "tritonserver"
    if not program.is_file():
        raise _unavailable(f"nvidia-pytriton in {package} holds no tritonserver")
    if not stub.is_file():
        raise _unavailable(f"nvidia-pytriton holds no Python stub for Python {python}")
    backend = root / "backends" / "python"
    return TritonWheel(
        program=program,
        libraries=package.parent / "nvidia_pytriton.libs",
        python_backend=tuple(sorted(path for path in backend.iterdir() if path.is_file())),
        stub=stub,
    )


def _refuse_numpy_2() -> None:
    """With numpy 2 the stub's models are READY and answer 0 bytes, silently."""
    try:
        version = importlib.metadata.version("numpy")
    except importlib.metadata.PackageNotFoundError:
        raise _unavailable("numpy is missing; the embedded server's Python stub needs it") from None
    if int(version.split(".")[0]) >= 2:
        raise UnavailableError(
            f"the embedded tritonserver answers nothing with numpy {version}",
            where="server",
            remedy='pip install "numpy<2", or use server=docker or server=external',
        )


def _unavailable(problem: str) -> UnavailableError:
    return UnavailableError(problem, where="server", remedy=_INSTALL)
