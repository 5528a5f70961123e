"""A Triton backend directory of real copies: Triton refuses links that leave it."""

from __future__ import annotations

import filecmp
import hashlib
import shutil
import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from packager import user_cache
from packager.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packager.server.wheel import TritonWheel

OURS: Mapping[str, Path] = MappingProxyType(
    {"pytorch": Path(__file__).parent / "backends" / "pytorch"}
)
"""Backend -> the folder of its Python files."""


def backend_directory(
    wheel: TritonWheel, *, backends: Mapping[str, Path] = OURS, root: Path | None = None
) -> Path:
    """The directory with the wheel's Python backend and `backends`, made if missing.

    Its name is the digest of its sources, so a changed backend never meets an old copy, and
    processes that make it at the same time cannot disturb each other.

    Raises:
        UnavailableError: the cache cannot be written.
    """
    sources = _sources(wheel, backends)
    directory = (root or user_cache.root() / "backends") / _digest(sources)
    if _is_complete(directory, sources):
        return directory
    try:
        _make(directory, sources)
    except OSError as error:
        raise UnavailableError(
            f"cannot write Triton's backends to {directory}: {error.strerror or error}",
            where="server",
            remedy="free disk space, or set XDG_CACHE_HOME to a writable directory",
        ) from error
    return directory


def _sources(wheel: TritonWheel, backends: Mapping[str, Path]) -> dict[str, Path]:
    """Path in the directory -> the file to copy there."""
    sources = {f"python/{path.name}": path for path in (*wheel.python_backend, wheel.stub)}
    for backend, folder in backends.items():
        files = sorted(folder.glob("*.py"))
        sources |= {f"{backend}/{path.name}": path for path in files if path.stem != "__init__"}
    return sources


def _digest(sources: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in sorted(sources.items()):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def _is_complete(directory: Path, sources: dict[str, Path]) -> bool:
    """Whether every file is there and the same, as it is unless somebody touched the cache."""
    return all(
        (directory / name).is_file() and filecmp.cmp(directory / name, path, shallow=False)
        for name, path in sources.items()
    )


def _make(directory: Path, sources: dict[str, Path]) -> None:
    """Copy beside the final place, then rename; a process that was faster wins."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=".staging-", dir=directory.parent))
    try:
        for name, path in sources.items():
            copy = staging / name
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(path, copy)
        if directory.exists() and not _is_complete(directory, sources):
            directory.rename(staging / "damaged")
        try:
            staging.rename(directory)
        except OSError:
            if not _is_complete(directory, sources):
                raise
        else:
            shutil.rmtree(directory / "damaged", ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
