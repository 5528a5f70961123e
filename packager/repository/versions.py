"""Version directories, as Triton reads them: integers from 1, without leading zeros."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packager.repository import durable

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import RepositorySpec

VERSION = re.compile(r"[1-9][0-9]*")


def versions(model: Path) -> tuple[int, ...]:
    """Return the version numbers in a model's directory, ascending; none where there is none."""
    if not model.is_dir():
        return ()
    return tuple(
        sorted(int(entry.name) for entry in model.iterdir() if VERSION.fullmatch(entry.name))
    )


def next_version(model: Path, *, given: int = 0) -> int:
    """Return the number that the next version gets; `given` is one that was there and is not."""
    return max((*versions(model), given)) + 1


def next_number(repository: RepositorySpec, name: str) -> int:
    """Return the number that a model's next version gets: never one that a version ever had."""
    mark = _mark(repository, name)
    given = int(mark.read_text()) if mark.exists() else 0
    return next_version(repository.path / name, given=given)


def remember(repository: RepositorySpec, name: str) -> None:
    """Write down the numbers given so far, before a version is taken out."""
    number = next_number(repository, name) - 1
    mark = _mark(repository, name)
    written = mark.with_name(f"{mark.name}.new")
    durable.write(written, f"{number}\n".encode())
    durable.move(written, mark)


def _mark(repository: RepositorySpec, name: str) -> Path:
    """Return the file of a model's highest number; only what has lost a version has one."""
    return repository.staging / f"{name}.highest"
