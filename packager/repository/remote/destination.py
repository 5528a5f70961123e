"""An object store as a place to publish to; the same for whoever builds as a directory is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from packager.model_config.render import STAGED_VERSION
from packager.repository import signing, staging
from packager.repository.publish import Published
from packager.repository.remote import publish, rewriting
from packager.repository.remote.files import RemoteFiles
from packager.spec.recipe import RemoteRepositorySpec, RepositorySpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from packager.repository.files import Files
    from packager.repository.layout import ModelPaths


@dataclass(frozen=True, slots=True)
class RemoteDestination:
    """A repository in an object store."""

    spec: RemoteRepositorySpec

    @property
    def title(self) -> str:
        """The repository as the user would type it."""
        return str(self.spec.place)

    def prepare(self) -> None:
        """Check that it can be read and written; clean up what dead processes left on this host."""
        publish.prepare(self.spec)
        staging.clean_up(self._staging)

    def files(self) -> Files:
        """Return the repository's files, to be read."""
        return RemoteFiles(self.spec.place)

    def next_version(self, name: str) -> int:
        """Return the number that a model's next version gets, unless another takes it before."""
        return publish.next_version(self.spec, name)

    def same_version(self, name: str, identity: str) -> int | None:
        """Return the version that is published with this identity and whole, if there is one."""
        return publish.same_version(self.spec, name, identity=identity)

    def as_published(self, config: str, *, number: int, versions: tuple[int, ...]) -> str:
        """Return the config with its own labels, listing all versions and naming the served."""
        return rewriting.as_published(config, number=number, committed=versions)

    def staged(self, name: str) -> AbstractContextManager[ModelPaths]:
        """Give a directory on this host to build a model in; it is removed at the end."""
        return staging.staged(self._staging, name)

    def publish(
        self, source: ModelPaths, *, identity: str, finish: Callable[[int], None]
    ) -> Published:
        """Upload it. What is staged is afterwards as what is published."""
        key = self.spec.signing_key
        sign = partial(signing.sign, source.version(STAGED_VERSION), key) if key else None
        done = publish.publish(source, self.spec, identity=identity, finish=finish, sign=sign)
        if done.new:
            rewriting.name_as_published(source, done.version)
        return Published(model=source, version=done.version, new=done.new)

    @property
    def _staging(self) -> RepositorySpec:
        """The staging folder, as that of a directory that nothing is published to."""
        folder = self.spec.staging
        return RepositorySpec(path=folder / "none", staging=folder)
