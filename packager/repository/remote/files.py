"""A repository in an object store, to be read: only what its configs say is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.repository.layout import CONFIG_FILE
from packager.repository.remote.committed import committed
from packager.repository.remote.failures import reported
from packager.repository.remote.store import Store
from packager.repository.versions import VERSION

if TYPE_CHECKING:
    from packager.spec.object_url import ObjectUrl


class RemoteFiles:
    """A repository in an object store; `packager.repository.files.Files` is what it gives."""

    def __init__(self, url: ObjectUrl) -> None:
        self.url = url
        with reported(url):
            self.store = Store(url.scheme)

    def models(self) -> tuple[str, ...]:
        """Return the names of the models that have a config: the others are being uploaded."""
        with reported(self.url):
            names = self.store.folders(self.url.root)
            return tuple(name for name in names if self.store.tag(self._config(name)) is not None)

    def versions(self, model: str) -> tuple[int, ...]:
        """Return a model's versions that are committed, ascending."""
        with reported(self.url):
            content = self.store.read(self._config(model))
            return committed(content, lambda: self.directories(model))

    def directories(self, model: str) -> tuple[int, ...]:
        """Return the versions that have objects, whole or not, ascending."""
        with reported(self.url):
            names = self.store.folders(self.path(model))
            return tuple(sorted(int(name) for name in names if VERSION.fullmatch(name)))

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is none."""
        with reported(self.url):
            return self.store.read(self.path(path))

    def files(self, folder: str) -> tuple[str, ...]:
        """Return the paths of all files beneath a folder, sorted."""
        with reported(self.url):
            start = len(self.url.root) + 1
            return tuple(path[start:] for path in self.store.sizes(self.path(folder)))

    def sha256(self, path: str) -> str:
        """Return a file's sha256 in hexadecimal."""
        with reported(self.url):
            return self.store.sha256(self.path(path))

    def path(self, path: str) -> str:
        """Return the store's path of a file."""
        return f"{self.url.root}/{path}".rstrip("/")

    def _config(self, model: str) -> str:
        return self.path(f"{model}/{CONFIG_FILE}")
