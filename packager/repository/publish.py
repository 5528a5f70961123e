"""Publishing: staged beside the repository, then renamed in, so that nothing is ever half there."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from packager.errors import UnavailableError
from packager.repository.layout import ModelPaths
from packager.repository.versions import next_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.recipe import RepositorySpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A version in the repository, and what it takes to withdraw it again."""

    model: ModelPaths
    version: int
    previous_config: bytes | None
    previous_labels: bytes | None


def prepare(repository: RepositorySpec) -> None:
    """Create the repository and its staging folder, and check that publishing can work.

    Raises:
        UnavailableError: it cannot be written, or staging lies on another filesystem.
    """
    with reported(repository.path, "repository.path"):
        repository.path.mkdir(parents=True, exist_ok=True)
        _require_writable(repository.path)
    with reported(repository.staging, "repository.staging"):
        repository.staging.mkdir(parents=True, exist_ok=True)
        _require_writable(repository.staging)
    if repository.path.stat().st_dev != repository.staging.stat().st_dev:
        raise UnavailableError(
            f"{repository.staging} is on another filesystem than {repository.path}: a finished"
            " version could not be renamed in at once",
            where="repository.staging",
            remedy="set repository.staging to a folder on the repository's filesystem, outside it",
        )


@contextlib.contextmanager
def staged(repository: RepositorySpec, name: str) -> Iterator[ModelPaths]:
    """Give a directory to build the model in, as `<temporary>/<name>`; removed at the end.

    The parent holds this one model only, so that a server can run on it.
    """
    with reported(repository.staging, "repository.staging"):
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=repository.staging))
    try:
        model = ModelPaths(folder / name)
        model.directory.mkdir()
        yield model
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(source: ModelPaths, repository: RepositorySpec, *, version: int) -> Published:
    """Rename a staged version into the repository under the next free number.

    A new model appears with one rename. In an existing one the version comes first and the
    config last, so that a server that polls never sees a config without its version.

    Raises:
        UnavailableError: the disk is full or the repository cannot be written.
    """
    target = ModelPaths(repository.path / source.directory.name)
    with (
        reported(target.directory, "repository.path"),
        FileLock(repository.staging / f"{target.directory.name}.lock"),
    ):
        _sync(source.directory)
        number = next_version(target.directory)
        if number != version:
            source.version(version).rename(source.version(number))
        if not target.directory.exists():
            source.directory.rename(target.directory)
            _sync_directory(target.directory.parent)
            return Published(
                model=target, version=number, previous_config=None, previous_labels=None
            )
        published = Published(
            model=target,
            version=number,
            previous_config=_bytes(target.config),
            previous_labels=_bytes(target.labels),
        )
        source.version(number).rename(target.version(number))
        _sync_directory(target.directory)
        _replace(source.labels, target.labels)
        _replace(source.config, target.config)
        return published


def withdraw(published: Published, repository: RepositorySpec) -> None:
    """Take a version back out: the previous config first, then the version."""
    model = published.model
    with FileLock(repository.staging / f"{model.directory.name}.lock"):
        trash = Path(tempfile.mkdtemp(prefix="withdrawn-", dir=repository.staging))
        try:
            if published.previous_config is None:
                model.directory.rename(trash / model.directory.name)
                return
            for path, content in (
                (model.labels, published.previous_labels),
                (model.config, published.previous_config),
            ):
                if content is not None:
                    restored = trash / path.name
                    restored.write_bytes(content)
                    _replace(restored, path)
            model.version(published.version).rename(trash / str(published.version))
        finally:
            shutil.rmtree(trash, ignore_errors=True)


@contextlib.contextmanager
def reported(path: Path, key: str) -> Iterator[None]:
    """Turn what the operating system says of a path into one clear error."""
    try:
        yield
    except OSError as error:
        remedies = {
            errno.ENOSPC: "free some space, or choose another disk",
            errno.EROFS: "mount it writable, or choose another path",
        }
        raise UnavailableError(
            f"{error.filename or path}: {error.strerror}",
            where=key,
            remedy=remedies.get(error.errno or 0, f"choose a path that can be written: {key}=..."),
        ) from error


def _require_writable(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder):
        pass


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _replace(source: Path, target: Path) -> None:
    """Move a file over another, unless both say the same."""
    if not source.exists() or _bytes(source) == _bytes(target):
        return
    source.replace(target)
    _sync_directory(target.parent)


def _sync(directory: Path) -> None:
    """Force a tree's files and directories to the disk."""
    for parent, _, files in os.walk(directory):
        for name in files:
            with (Path(parent) / name).open("rb") as file:
                os.fsync(file.fileno())
        _sync_directory(Path(parent))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
