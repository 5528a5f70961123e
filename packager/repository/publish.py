"""Publishing: staged beside the repository, then renamed in, so that nothing is ever half there."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from packager.errors import SpecError, UnavailableError
from packager.repository.layout import ModelPaths
from packager.repository.versions import next_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.spec.recipe import RepositorySpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A version in the repository, and what it takes to withdraw it again.

    `previous` holds the contents that labels and configs had before, None for a file that was not
    there; it is None itself where the model's directory was not there.
    """

    model: ModelPaths
    version: int
    previous: Mapping[Path, bytes | None] | None


def prepare(repository: RepositorySpec) -> None:
    """Create the repository and its staging folder, and check that publishing can work.

    Raises:
        SpecError: staging lies inside the repository.
        UnavailableError: it cannot be written, or staging lies on another filesystem.
    """
    if repository.staging.resolve().is_relative_to(repository.path.resolve()):
        raise SpecError(
            f"{repository.staging} lies in the repository, where Triton takes every directory for a"
            " model",
            where="repository.staging",
            remedy="set it to a folder beside the repository, or leave it out",
        )
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

    A new model appears with one rename. In an existing one the version comes first and
    `config.pbtxt` last, so that a server that polls never sees a config without its version. A host
    that the new version has no config for loses its old one, and takes `config.pbtxt` then.

    Raises:
        UnavailableError: the disk is full or the repository cannot be written; it is as before.
    """
    target = ModelPaths(repository.path / source.directory.name)
    with reported(target.directory, "repository.path"), _lock(repository, target):
        _sync(source.directory)
        number = next_version(target.directory)
        if number != version:
            source.version(version).rename(source.version(number))
        if not target.directory.exists():
            source.directory.rename(target.directory)
            _sync_directory(target.directory.parent)
            return Published(model=target, version=number, previous=None)
        previous = {path: _bytes(path) for path in _shared(source, target)}
        published = Published(model=target, version=number, previous=previous)
        with _way_back(published, repository) as way_back:
            source.version(number).rename(target.version(number))
            try:
                _sync_directory(target.directory)
                _replace(source.labels, target.labels)
                _replace_host_configs(source, target)
                _replace(source.config, target.config)
            except BaseException:
                _withdraw(published, way_back)
                raise
        return published


def rewrite_manifest(published: Published, text: str, repository: RepositorySpec) -> None:
    """Put what was proven after publishing into a version's manifest, at once."""
    manifest = published.model.manifest(published.version)
    with (
        reported(manifest, "repository.path"),
        tempfile.TemporaryDirectory(prefix="manifest-", dir=repository.staging) as folder,
    ):
        proven = Path(folder) / manifest.name
        proven.write_text(text)
        _replace(proven, manifest)


def withdraw(published: Published, repository: RepositorySpec) -> None:
    """Take a version back out: the previous config first, then the version."""
    with (
        reported(published.model.directory, "repository.path"),
        _lock(repository, published.model),
        _way_back(published, repository) as way_back,
    ):
        _withdraw(published, way_back)


@dataclass(frozen=True, kw_only=True, slots=True)
class _WayBack:
    """What a withdrawal moves: old files to put in, and a folder for the version to go to."""

    copies: Mapping[Path, Path]
    trash: Path


@contextlib.contextmanager
def _way_back(published: Published, repository: RepositorySpec) -> Iterator[_WayBack]:
    """Write the old files down before anything is moved: on a full disk a way back is left."""
    with tempfile.TemporaryDirectory(prefix="withdrawn-", dir=repository.staging) as folder:
        copies: dict[Path, Path] = {}
        for path, content in (published.previous or {}).items():
            if content is not None:
                copies[path] = Path(folder, str(len(copies)))
                copies[path].write_bytes(content)
        trash = Path(folder, "trash")
        trash.mkdir()
        yield _WayBack(copies=copies, trash=trash)


def _withdraw(published: Published, way_back: _WayBack) -> None:
    model = published.model
    if published.previous is None:
        model.directory.rename(way_back.trash / model.directory.name)
        return
    for path in published.previous:
        copy = way_back.copies.get(path)
        if copy is None:
            path.unlink(missing_ok=True)
        elif _bytes(copy) != _bytes(path):
            path.parent.mkdir(exist_ok=True)
            _replace(copy, path)
    _remove_if_empty(model.configs)
    model.version(published.version).rename(way_back.trash / str(published.version))


def _shared(source: ModelPaths, target: ModelPaths) -> list[Path]:
    """Return the files that versions share, those of either side: `config.pbtxt` last."""
    hosts = sorted({*source.host_configs(), *target.host_configs()})
    return [target.labels, *map(target.host_config, hosts), target.config]


def _replace_host_configs(source: ModelPaths, target: ModelPaths) -> None:
    """Put the staged configs of hosts in, one by one; then take out those of other hosts.

    Each is replaced at once, and the version that it was proven with is there already.
    """
    staged = source.host_configs()
    if staged:
        target.configs.mkdir(exist_ok=True)
        _sync_directory(target.directory)
    for host, path in staged.items():
        _replace(path, target.host_config(host))
    for host, path in target.host_configs().items():
        if host not in staged:
            path.unlink()
            _sync_directory(target.configs)
    _remove_if_empty(target.configs)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _lock(repository: RepositorySpec, model: ModelPaths) -> FileLock:
    """One publisher at a time for each model, whatever process it is in."""
    return FileLock(repository.staging / f"{model.directory.name}.lock")


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
    """Move a file over another at once, unless both say the same."""
    if not source.exists() or _bytes(source) == _bytes(target):
        return
    source.replace(target)
    _sync_directory(target.parent)


def _sync(directory: Path) -> None:
    """Force a tree's files and directories to the disk.

    Raises:
        UnavailableError: something in it is no file of its own: a link, a pipe, a device.
    """
    for parent, folders, files in os.walk(directory):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                raise UnavailableError(
                    f"{path} is no plain file: somebody has changed the staged model",
                    where="repository.staging",
                    remedy="leave it alone while a build runs, or choose a folder of your own",
                )
        for name in files:
            with Path(parent, name).open("rb") as file:
                os.fsync(file.fileno())
        _sync_directory(Path(parent))


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
