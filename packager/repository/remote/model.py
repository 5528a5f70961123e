"""One model in an object store: its configs, its versions, and the writes that commit."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.errors import SpecError, UnavailableError
from packager.model_config.warmup import FILE as SAMPLE_FILE
from packager.model_config.warmup import named
from packager.repository.layout import CONFIG_FILE, CONFIGS_FOLDER, WARMUP_FOLDER
from packager.repository.remote.claims import Claims, State
from packager.repository.remote.committed import committed, has_list, listing
from packager.repository.remote.files import RemoteFiles
from packager.repository.remote.lease import leased
from packager.repository.state import served_versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.repository.remote.lease import Lease
    from packager.spec.object_url import ObjectUrl


@dataclass(frozen=True, kw_only=True, slots=True)
class Configs:
    """The configs that are there, by their paths in the model, with a tag of each one's content."""

    texts: Mapping[str, str]
    tags: Mapping[str, str | None]

    @property
    def main(self) -> str | None:
        """The text of `config.pbtxt`."""
        return self.texts.get(CONFIG_FILE)


class RemoteModel:
    """A model, whether or not there is anything of it yet."""

    def __init__(self, url: ObjectUrl, name: str) -> None:
        self.files = RemoteFiles(url)
        self.store, self.url, self.name = self.files.store, url, name
        self.claims = Claims(self.store, f"{url.staging}/{name}")

    @contextlib.contextmanager
    def leased(self) -> Iterator[Lease]:
        """Hold the right to write the configs."""
        with leased(self.store, self.claims.folder) as lease:
            yield lease

    def path(self, path: str) -> str:
        """Return the store's path of a file in the model."""
        return self.files.path(f"{self.name}/{path}")

    def versions(self) -> tuple[int, ...]:
        """Return the committed versions, ascending."""
        return self.files.versions(self.name)

    def sizes(self, version: int) -> dict[str, int]:
        """Return the sizes of a version's objects by their paths in its directory."""
        folder = self.path(str(version))
        return {path[len(folder) + 1 :]: size for path, size in self.store.sizes(folder).items()}

    def configs(self) -> Configs:
        """Return the configs; tags are taken first, so that what is read is no older."""
        hosts = [f"{CONFIGS_FOLDER}/{name}" for name in self.store.names(self.path(CONFIGS_FOLDER))]
        tags = {path: self.store.tag(self.path(path)) for path in (*hosts, CONFIG_FILE)}
        contents = {path: self.store.read(self.path(path)) for path in tags}
        return Configs(
            texts={path: one.decode() for path, one in contents.items() if one is not None},
            tags=tags,
        )

    def named(self, configs: Configs) -> frozenset[int]:
        """Return the versions that any config names: a host's may be ahead of `config.pbtxt`."""
        present = self.files.directories(self.name)
        named: set[int] = set()
        for text in configs.texts.values():
            named.update(committed(text.encode(), lambda: present), served_versions(text, present))
        return frozenset(named)

    def adopt(self) -> None:
        """Pin somebody else's configs to what they serve, before an upload could be served too."""
        if all(map(has_list, self.configs().texts.values())):
            return
        with self.leased() as lease:
            before, present = self.configs(), self.files.directories(self.name)
            texts = {path: _adopted(text, present) for path, text in before.texts.items()}
            self.commit(texts, before, lease)

    def samples(self) -> frozenset[str]:
        """Return the names of the samples for a warmup that are there."""
        return frozenset(self.store.names(self.path(WARMUP_FOLDER)))

    def commit(self, texts: Mapping[str, str], before: Configs, lease: Lease) -> None:
        """Write configs, `config.pbtxt` last: that is the commit. Then take out other hosts'.

        Samples that they name come before them, from the version that has them.

        Raises:
            UnavailableError: another publisher wrote them since `before` was read.
        """
        self._put_samples(texts)
        hosts = sorted(path for path in texts if path != CONFIG_FILE)
        for path in (*hosts, CONFIG_FILE):
            if before.texts.get(path) != texts[path]:
                lease.require()
                self._write(path, texts[path], before.tags.get(path))
        self.store.remove(self.path(path) for path in before.texts if path not in texts)

    def _put_samples(self, texts: Mapping[str, str]) -> None:
        lacking = samples_in(texts) - (self.samples() if samples_in(texts) else frozenset())
        for number in reversed(self.files.directories(self.name) if lacking else ()):
            for name in [one for one in lacking if self._sample(one) in self.sizes(number)]:
                copy = self.path(f"{number}/{self._sample(name)}")
                self.store.copy(copy, self.path(self._sample(name)))
                lacking -= {name}
        if lacking:
            raise UnavailableError(
                f"no version of {self.name} holds the warmup's {', '.join(sorted(lacking))}: no"
                " server could load the config that names it",
                where="repository.path",
                remedy="build again, or promote another version",
            )

    def _sample(self, name: str) -> str:
        return f"{WARMUP_FOLDER}/{name}"

    def _write(self, path: str, text: str, tag: str | None) -> None:
        """Write one config; a write whose answer was lost is known by what is there now."""
        content = text.encode()
        try:
            self.store.replace(self.path(path), content, tag=tag)
        except Exception as error:
            found = self.store.read(self.path(path))
            if found == content:
                return
            if self.store.tag(self.path(path)) == tag:
                raise
            raise UnavailableError(
                f"{self.name} was published by another at the same time",
                where="repository.path",
                remedy="build again",
            ) from error

    def clear_left_overs(self, configs: Configs, lease: Lease) -> None:
        """Remove what interrupted uploads and prunes left, never what somebody works on."""
        named, now = self.named(configs), lease.now
        for number in self.files.directories(self.name):
            if number not in named and self.claims.is_left_over(number, now=now):
                self.remove_version(number)
        self._clear_samples(configs)

    def _clear_samples(self, configs: Configs) -> None:
        """Remove samples that no config names, of versions that are no more.

        Where a version is left, a load by a config of before may read its sample still.
        """
        unnamed = {one for one in self.samples() if SAMPLE_FILE.fullmatch(one)}
        unnamed -= samples_in(configs.texts)
        for number in self.files.directories(self.name) if unnamed else ():
            unnamed -= {path.rpartition("/")[2] for path in self.sizes(number)}
        self.store.remove(self.path(self._sample(name)) for name in sorted(unnamed))

    def remove_version(self, number: int) -> None:
        """Remove a version that no config names; its number stays claimed."""
        self.claims.mark(number, State.removed)
        self.store.remove(self.path(f"{number}/{name}") for name in self.sizes(number))


def samples_in(texts: Mapping[str, str]) -> frozenset[str]:
    """Return the names of the samples that configs name for a warmup."""
    return frozenset(name for text in texts.values() for name in named(text))


def _adopted(config: str, present: tuple[int, ...]) -> str:
    """Return a config that lists and serves what it served; a broken one serves nothing anyway."""
    if has_list(config):
        return config
    serving = served_versions(config, present)
    try:
        return listing(config, versions=serving, serving=serving)
    except SpecError:
        return config
