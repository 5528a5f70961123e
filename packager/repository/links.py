"""Links in a repository, and names from elsewhere: none may lead a writer out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packager.repository.layout import ModelPaths
    from packager.spec.recipe import RepositorySpec


def require_inside(repository: RepositorySpec, model: ModelPaths) -> None:
    """Check that nothing of a model is a link out of the repository, nor the model itself one.

    Raises:
        UnavailableError: something is; names it and where it leads.
    """
    root = repository.path.resolve()
    for path in _links(model):
        target = path.resolve()
        if path == model.directory or not target.is_relative_to(root):
            raise UnavailableError(
                f"{path} is a link to {target}: nothing is written through it",
                where="repository.path",
                remedy="put a plain file or directory there, inside the repository",
            )


def beneath(folder: Path, name: str) -> Path:
    """Return the path of a file that an object store names, in a folder.

    Raises:
        UnavailableError: the name leads out of it.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or path == folder:
        raise UnavailableError(
            f"{name!r} is no name of a file in {folder.name}: nothing is written there",
            where="repository.path",
            remedy="remove that object; packager does not publish such names",
        )
    return path


def _links(model: ModelPaths) -> Iterator[Path]:
    paths = [model.directory]
    for folder in (model.directory, model.configs, model.warmup):
        if folder.is_dir() and not model.directory.is_symlink():
            paths += sorted(folder.iterdir())
    return (path for path in paths if path.is_symlink())
