"""Models small enough to publish by the dozen, staged as a build stages them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.repository.publish import Published, prepare, publish
from packager.repository.staging import staged
from packager.repository.transition import LABELS_COPY
from packager.spec.recipe import RepositorySpec

if TYPE_CHECKING:
    from pathlib import Path

    from packager.repository.layout import ModelPaths


def repository_in(folder: Path) -> RepositorySpec:
    """Return a repository that exists, staged beside it."""
    spec = RepositorySpec(path=folder / "models", staging=folder / ".models.staging")
    prepare(spec)
    return spec


def fill(
    model: ModelPaths,
    mark: str,
    *,
    labels: bool = True,
    size: int = 100,
    hosts: tuple[str, ...] = (),
) -> None:
    """Write a staged version 1 whose every file says `mark`, with a config for each host."""
    model.version(1).mkdir()
    model.artifact(1).write_text(mark * size)
    model.manifest(1).write_text(mark)
    model.config.write_text(f"# {mark}\n")
    if hosts:
        model.configs.mkdir()
    for host in hosts:
        model.host_config(host).write_text(f"# {mark} on {host}\n")
    if labels:
        model.labels.write_text(f"{mark}\n")


def publish_marked(
    repository: RepositorySpec,
    mark: str,
    *,
    name: str = "m",
    labels: bool = True,
    hosts: tuple[str, ...] = (),
) -> Published:
    """Stage and publish a version whose every file says `mark`."""
    with staged(repository, name) as model:
        fill(model, mark, labels=labels, hosts=hosts)
        return publish(model, repository)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file's bytes by its path; None for directories.

    Copies of labels are left out, which stay for a while for whoever still loads with them.
    """
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not LABELS_COPY.fullmatch(path.name)
    }


def leftovers(repository: RepositorySpec) -> list[str]:
    """Return what lies in staging beside numbers that were given, which stay."""
    return [path.name for path in repository.staging.iterdir() if path.suffix != ".highest"]
