"""Publishing: staged beside the repository, then renamed in, so that nothing is ever half there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.model_config.render import STAGED_VERSION
from packager.repository import durable, shared, staging, transition
from packager.repository.files import LocalFiles
from packager.repository.layout import ModelPaths
from packager.repository.manifest import sha256
from packager.repository.policy import pinned
from packager.repository.shared import Files, Shared
from packager.repository.staging import reported, staged
from packager.repository.state import read as read_state
from packager.repository.versions import next_number, remember

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.repository.record import Record
    from packager.spec.recipe import RepositorySpec

__all__ = [
    "Published",
    "prepare",
    "publish",
    "reported",
    "rewrite_manifest",
    "same_version",
    "staged",
    "withdraw",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A version in the repository, and what it takes to withdraw it again.

    `previous` holds the files that versions share as they were before; it is None where the model
    was not there. Where not `new`, nothing was done: the same is published already.
    """

    model: ModelPaths
    version: int
    previous: Files | None = None
    new: bool = True


def prepare(repository: RepositorySpec) -> None:
    """Create the repository and its staging folder, and check that publishing can work.

    What dead processes left is cleaned up, what they began is finished or undone.

    Raises:
        SpecError: staging lies inside the repository.
        UnavailableError: it cannot be written, or staging lies on another filesystem.
    """
    staging.prepare(repository)
    with reported(repository.path, "repository.path"):
        transition.recover(repository)


def publish(
    source: ModelPaths,
    repository: RepositorySpec,
    *,
    identity: str = "",
    finish: Callable[[int], None] = lambda _: None,
) -> Published:
    """Rename a staged version into the repository under the next number.

    A new model appears with one rename. In an existing one the version comes first and
    `config.pbtxt` last, so that a server that polls never sees a config without its version; where
    the new files do not fit the versions that are served, those are held to theirs meanwhile.

    `finish` is called with the number, before anything is visible: it writes what depends on it
    into the staged model, whose version is still `STAGED_VERSION`. Where the newest version or one
    that is served has the same `identity`, is whole and served as published, nothing is done.

    Raises:
        UnavailableError: the disk is full or the repository cannot be written; it is as before.
    """
    name = source.directory.name
    with (
        reported(repository.path / name, "repository.path"),
        transition.writing(repository, name) as model,
    ):
        same = same_version(repository, name, identity=identity) if identity else None
        if same is not None:
            return Published(model=model, version=same, new=False)
        number = next_number(repository, name)
        finish(number)
        if number != STAGED_VERSION:
            source.version(STAGED_VERSION).rename(source.version(number))
        durable.seal(source.directory)
        if _is_vacant(model):
            durable.move(source.directory, model.directory)
            return Published(model=model, version=number)
        after = shared.read(source)
        before = transition.bring_in(repository, model, source.version(number), after=after)
        return Published(model=model, version=number, previous=before)


def same_version(repository: RepositorySpec, name: str, *, identity: str) -> int | None:
    """Return the newest version or one served of this identity, whole and served as published.

    None where there is no such version; writes nothing.
    """
    model = ModelPaths(repository.path / name)
    state = read_state(LocalFiles(repository.path), name)
    for number in dict.fromkeys((*state.versions[-1:], *state.served)):
        record = state.records.get(number)
        if (
            record is not None
            and record.identity == identity
            and _is_served_as_published(model, record)
            and _is_whole(model, record)
        ):
            return number
    return None


def rewrite_manifest(published: Published, text: str, repository: RepositorySpec) -> None:
    """Put what was proven after publishing into a version's manifest, at once."""
    manifest = published.model.manifest(published.version)
    with (
        reported(manifest, "repository.path"),
        staging.scratch(repository, published.model.directory.name) as folder,
    ):
        proven = folder / manifest.name
        durable.write(proven, text.encode())
        durable.move(proven, manifest)


def withdraw(published: Published, repository: RepositorySpec) -> None:
    """Take a version back out, with all that came with it; its number is not given again."""
    name = published.model.directory.name
    with (
        reported(published.model.directory, "repository.path"),
        transition.writing(repository, name) as model,
    ):
        if published.previous is not None:
            transition.take_back(repository, model, published.version, before=published.previous)
            return
        with staging.scratch(repository, name) as trash:
            remember(repository, name)
            durable.move(model.directory, trash / name)
            durable.sync(repository.path)


def _is_vacant(model: ModelPaths) -> bool:
    """Whether a rename can put a whole model here: nothing is there, or an empty directory."""
    return not model.directory.exists() or not any(model.directory.iterdir())


def _is_whole(model: ModelPaths, record: Record) -> bool:
    """Whether the version's files are those of its manifest."""
    paths = {model.version(record.version) / name: one for name, one in record.files.items()}
    return all(path.is_file() and sha256(path) == digest for path, digest in paths.items())


def _is_served_as_published(model: ModelPaths, record: Record) -> bool:
    """Whether configs and labels are those of its manifest, held to this version or not."""
    as_published = Shared(
        config=record.config, labels=record.labels, host_configs=record.host_configs
    )
    as_promoted = Shared(
        config=pinned(record.config, [record.version]),
        labels=record.labels,
        host_configs={
            host: pinned(text, [record.version]) for host, text in record.host_configs.items()
        },
    )
    return shared.read(model) in (as_published.files(), as_promoted.files())
