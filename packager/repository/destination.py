"""Where a build publishes to: a directory, or an object store; the same for whoever builds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from packager.model_config.render import STAGED_VERSION
from packager.repository import published, signing
from packager.repository.files import Files, LocalFiles
from packager.repository.versions import next_number
from packager.spec.recipe import AnyRepositorySpec, RepositorySpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from packager.repository.layout import ModelPaths
    from packager.repository.publish import Published


class Destination(Protocol):
    """A model repository to publish to."""

    @property
    def title(self) -> str:
        """The repository as the user would type it here."""

    def prepare(self) -> None:
        """Check that publishing can work.

        Raises:
            SpecError, UnavailableError: it cannot.
        """

    def files(self) -> Files:
        """Return the repository's files, to be read."""

    def next_version(self, name: str) -> int:
        """Return the number that a model's next version gets, unless another takes it before."""

    def same_version(self, name: str, identity: str) -> int | None:
        """Return the version that is published with this identity and whole, if there is one."""

    def as_published(self, config: str, *, number: int, versions: tuple[int, ...]) -> str:
        """Return a rendered config as publishing that version beside others would write it."""

    def staged(self, name: str) -> AbstractContextManager[ModelPaths]:
        """Give a directory on this host to build a model in; it is removed at the end."""

    def publish(
        self, source: ModelPaths, *, identity: str, finish: Callable[[int], None]
    ) -> Published:
        """Publish a staged model; see `repository.publish`."""


@dataclass(frozen=True, slots=True)
class LocalDestination:
    """A repository in a directory."""

    spec: RepositorySpec

    @property
    def title(self) -> str:
        """The repository as the user would type it here."""
        path, here = self.spec.path, Path.cwd()
        return str(path.relative_to(here) if path.is_relative_to(here) else path)

    def prepare(self) -> None:
        """Create it where it is missing; clean up what dead processes left."""
        from packager.repository import publish  # noqa: PLC0415  who only looks needs none of it

        publish.prepare(self.spec)

    def files(self) -> Files:
        """Return the repository's files, to be read."""
        return LocalFiles(self.spec.path)

    def next_version(self, name: str) -> int:
        """Return the number that a model's next version gets."""
        return next_number(self.spec, name)

    def same_version(self, name: str, identity: str) -> int | None:
        """Return the version that is published with this identity and whole, if there is one."""
        return published.same_version(self.spec, name, identity=identity)

    def as_published(
        self,
        config: str,
        *,
        number: int,  # noqa: ARG002  the same whatever there is
        versions: tuple[int, ...],  # noqa: ARG002
    ) -> str:
        """Return the config as it is."""
        return config

    def staged(self, name: str) -> AbstractContextManager[ModelPaths]:
        """Give a directory on the repository's filesystem, outside it."""
        from packager.repository import staging  # noqa: PLC0415

        return staging.staged(self.spec, name)

    def publish(
        self, source: ModelPaths, *, identity: str, finish: Callable[[int], None]
    ) -> Published:
        """Sign it where that is asked for, and rename it in."""
        from packager.repository import publish  # noqa: PLC0415

        def finish_and_sign(number: int) -> None:
            finish(number)
            if self.spec.signing_key is not None:
                signing.sign(source.version(STAGED_VERSION), self.spec.signing_key)

        return publish.publish(source, self.spec, identity=identity, finish=finish_and_sign)


def destination_of(spec: AnyRepositorySpec) -> Destination:
    """Return where a build publishes to."""
    if isinstance(spec, RepositorySpec):
        return LocalDestination(spec)
    # It needs libraries of its own.
    from packager.repository.remote.destination import RemoteDestination  # noqa: PLC0415

    return RemoteDestination(spec)
