"""Publishing: staged beside the repository, then renamed in, so that nothing is ever half there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.model_config.render import STAGED_VERSION
from packager.repository import durable, shared, signing, staging, transition
from packager.repository.layout import ModelPaths
from packager.repository.published import same_version
from packager.repository.shared import Files
from packager.repository.staging import reported
from packager.repository.versions import next_number, remember

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.spec.recipe import RepositorySpec


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
        texts = shared.read(source)
        after = {**texts, **shared.lacking_samples(model, texts, source=source)}
        before = transition.bring_in(repository, model, source.version(number), after=after)
        return Published(model=model, version=number, previous=before)


def rewrite_manifest(published: Published, text: str, repository: RepositorySpec) -> None:
    """Put what was proven after publishing into a version's manifest, at once; sign that anew."""
    manifest = published.model.manifest(published.version)
    with (
        reported(manifest, "repository.path"),
        staging.scratch(repository, published.model.directory.name) as folder,
    ):
        proven = folder / manifest.name
        durable.write(proven, text.encode())
        durable.move(proven, manifest)
        if repository.signing_key is not None:
            signing.sign(manifest.parent, repository.signing_key)


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
