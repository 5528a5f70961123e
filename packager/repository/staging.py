"""Work in progress beside the repository, and what becomes of it when its process dies."""

from __future__ import annotations

import contextlib
import errno
import secrets
import shutil
import tempfile
from typing import TYPE_CHECKING

from packager.errors import SpecError, UnavailableError
from packager.repository import durable, locks
from packager.repository.layout import ModelPaths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packager.spec.recipe import RepositorySpec

OWNER = ".owner"
"""The lock that the process of a folder of work in progress holds, beside it under its name."""

LOCK = ".lock"
"""The lock of a model's one writer."""


def prepare(repository: RepositorySpec) -> None:
    """Create the repository and its staging folder, and check that publishing can work.

    What dead processes left in staging is removed.

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
        durable.make_folder(repository.path)
        _require_writable(repository.path)
    with reported(repository.staging, "repository.staging"):
        durable.make_folder(repository.staging)
        _require_writable(repository.staging)
        clean_up(repository)
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
    with scratch(repository, name) as folder:
        model = ModelPaths(folder / name)
        with reported(repository.staging, "repository.staging"):
            model.directory.mkdir()
        yield model


@contextlib.contextmanager
def scratch(repository: RepositorySpec, name: str) -> Iterator[Path]:
    """Give an empty folder on the repository's filesystem, removed at the end.

    Its owner's lock is there before it and goes after it: a folder whose lock is free is nobody's.
    """
    folder = repository.staging / f"{name}-{secrets.token_hex(4)}"
    with contextlib.ExitStack() as stack:
        with reported(repository.staging, "repository.staging"):
            owner = locks.held(_owner(folder), waiting_for=f"the owner of {folder}")
            stack.enter_context(owner)
            folder.mkdir(mode=0o700)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


def clean_up(repository: RepositorySpec) -> None:
    """Remove the folders and locks of processes that are no more; those of others stay."""
    for owner in repository.staging.glob(f"*{OWNER}"):
        with locks.tried(owner) as dead:
            if dead:
                shutil.rmtree(owner.with_name(owner.name.removesuffix(OWNER)), ignore_errors=True)
    for lock in repository.staging.glob(f"*{LOCK}"):
        with locks.tried(lock):
            pass


def lock_file(repository: RepositorySpec, name: str) -> Path:
    """Return the lock of a model's one writer."""
    return repository.staging / f"{name}{LOCK}"


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


def _owner(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{OWNER}")


def _require_writable(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder):
        pass
