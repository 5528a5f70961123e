"""Publishing to an object store: claim a number, upload, and commit with one PUT of the config."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.errors import UnavailableError
from packager.model_config.render import LABELS_FILE, STAGED_VERSION
from packager.repository import record, staging
from packager.repository.layout import (
    CONFIG_FILE,
    CONFIGS_FOLDER,
    MANIFEST_FILE,
    SIGNATURE_FILE,
)
from packager.repository.manifest import unnumbered
from packager.repository.remote import rewriting
from packager.repository.remote.claims import State
from packager.repository.remote.failures import reported
from packager.repository.remote.model import RemoteModel, samples_in
from packager.repository.remote.store import Store
from packager.repository.state import served_versions

if TYPE_CHECKING:
    from pathlib import Path

    from packager.repository.layout import ModelPaths
    from packager.repository.remote.lease import Lease
    from packager.spec.recipe import RemoteRepositorySpec

Sign = Callable[[], None]

_OWN_LABELS = re.compile(rf'"[1-9][0-9]*/{re.escape(LABELS_FILE)}"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A version in an object store; `new` is whether this call published it."""

    url: str
    version: int
    new: bool


def prepare(spec: RemoteRepositorySpec) -> None:
    """Check that the repository can be listed and written, and that claims are exclusive.

    Raises:
        UnavailableError: it cannot; what is missing is told.
    """
    url = spec.place
    with staging.reported(spec.staging, "repository.staging"):
        spec.staging.mkdir(parents=True, exist_ok=True)
    with reported(url):
        store = Store(url.scheme)
        store.folders(url.root)
        probe = f"{url.staging}/probes/{uuid.uuid4().hex}"
        store.write(probe, b"1")
        exclusive = not store.create(probe, b"2")
        store.remove([probe])
    if not exclusive:
        raise UnavailableError(
            f"the store of {url} ignores If-None-Match: two publishers could get one number",
            where="repository.path",
            remedy="update the store's server, or publish to a directory",
        )


def next_version(spec: RemoteRepositorySpec, name: str) -> int:
    """Return the number that the next version would get."""
    with reported(spec.place):
        return max((0, *_taken(RemoteModel(spec.place, name)))) + 1


def same_version(spec: RemoteRepositorySpec, name: str, *, identity: str) -> int | None:
    """Return the newest version, or one that is served, where it is the same and is whole."""
    with reported(spec.place):
        return _same(RemoteModel(spec.place, name), identity, signed=spec.signing_key is not None)


def publish(
    source: ModelPaths,
    spec: RemoteRepositorySpec,
    *,
    identity: str = "",
    finish: Callable[[int], None] = lambda _: None,
    sign: Sign | None = None,
) -> Published:
    """Upload a staged version under a number of its own, then commit it.

    `finish` writes what depends on the number into the staged model; it is called once more where
    others commit a higher number meanwhile, with the new one. Then configs and manifest are
    rewritten for the store, and `sign` signs the staged version's directory.

    Raises:
        UnavailableError: the store fails or refuses; nothing of the version is visible.
    """
    model = RemoteModel(spec.place, source.directory.name)
    with reported(spec.place):
        signed = spec.signing_key is not None
        same = _same(model, identity, signed=signed)
        if same is None:
            upload = _Upload(model, source, identity, signed=signed)
            return upload.run(finish, sign or (lambda: None))
    return Published(url=f"{spec.url}/{model.name}", version=same, new=False)


class _Upload:
    """The upload of one version."""

    def __init__(
        self, model: RemoteModel, source: ModelPaths, identity: str, *, signed: bool
    ) -> None:
        self.model, self.source, self.identity, self.signed = model, source, identity, signed
        self.number = 0
        self.committing = False

    def run(self, finish: Callable[[int], None], sign: Sign) -> Published:
        model = self.model
        model.adopt()
        self.number = model.claims.take(_taken(model))
        try:
            rewriting.add_labels(self.source)
            self._upload(skip=MANIFEST_FILE)
            with model.leased() as lease:
                published = self._commit(lease, finish, sign)
        except BaseException:
            self._give_up()
            raise
        if published.new:
            # It is committed: a claim that does not say so yet harms nothing.
            with contextlib.suppress(Exception):
                model.claims.mark(self.number, State.published)
        return published

    def _commit(self, lease: Lease, finish: Callable[[int], None], sign: Sign) -> Published:
        model, url = self.model, f"{self.model.url}/{self.model.name}"
        before = model.configs()
        model.clear_left_overs(before, lease)
        same = _same(model, self.identity, signed=self.signed)
        if same is not None:
            model.remove_version(self.number)
            return Published(url=url, version=same, new=False)
        committed = model.versions()
        if self.number < max(committed, default=0):
            self._move(lease)
        finish(self.number)
        texts = rewriting.published_configs(self.source, number=self.number, committed=committed)
        rewriting.rewrite_configs(self.source, texts)
        sign()
        self._upload(skip="")
        self._require_whole()
        self.committing = True
        model.commit(texts, before, lease)
        return Published(url=url, version=self.number, new=True)

    def _upload(self, *, skip: str) -> None:
        """Upload the staged files that are not there yet, but for `skip`."""
        there = self.model.sizes(self.number)
        for name, path in _staged(self.source).items():
            if name not in (*there, skip):
                self.model.store.upload(path, self.model.path(f"{self.number}/{name}"))

    def _move(self, lease: Lease) -> None:
        """Take the next number: the order of versions is that of their commits."""
        model, old = self.model, self.number
        self.number = model.claims.take(_taken(model))
        for name in model.sizes(old):
            model.store.copy(model.path(f"{old}/{name}"), model.path(f"{self.number}/{name}"))
            lease.renew()
        model.remove_version(old)

    def _require_whole(self) -> None:
        expected = {name: path.stat().st_size for name, path in _staged(self.source).items()}
        if self.model.sizes(self.number) != expected:
            raise UnavailableError(
                f"objects of version {self.number} were changed while it was uploaded",
                where="repository.path",
                remedy="build again, and let nothing else write there",
            )

    def _give_up(self) -> None:
        """Remove what was uploaded, unless the commit may have reached the store.

        Where that fails too, the next publisher of the model does it.
        """
        if not self.committing:
            with contextlib.suppress(Exception):
                self.model.remove_version(self.number)


def _staged(source: ModelPaths) -> dict[str, Path]:
    folder = source.version(STAGED_VERSION)
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _taken(model: RemoteModel) -> tuple[int, ...]:
    """Return the numbers that are in use, or were."""
    there = (*model.versions(), *model.files.directories(model.name))
    return tuple(sorted({*there, *model.claims.numbers()}))


def _same(model: RemoteModel, identity: str, *, signed: bool) -> int | None:
    """Return the newest version, or a served one, that is the same; signed, where that is asked."""
    config = model.files.read(f"{model.name}/{CONFIG_FILE}")
    if config is None or not identity:
        return None
    versions = model.versions()
    text = config.decode(errors="replace")
    for number in sorted({*versions[-1:], *served_versions(text, versions)}, reverse=True):
        found = record.read(model.files, model.name, number)
        if signed and SIGNATURE_FILE not in model.sizes(number):
            continue
        if found is not None and found.identity == identity and _is_intact(model, found):
            return number
    return None


def _is_intact(model: RemoteModel, found: record.Record) -> bool:
    """Return whether a version's objects are there, and the configs are those of its manifest."""
    hosts = {f"{CONFIGS_FOLDER}/{host}.pbtxt": text for host, text in found.host_configs.items()}
    expected = hosts | {CONFIG_FILE: found.config}
    there = model.configs().texts
    samples = samples_in(there)
    if samples and not samples <= model.samples():
        return False
    return {*found.files, MANIFEST_FILE} <= {*model.sizes(found.version)} and (
        {path: _comparable(text) for path, text in there.items()}
        == {path: _comparable(text) for path, text in expected.items()}
    )


def _comparable(config: str) -> str:
    """Return a config without what depends on the version's number."""
    return _OWN_LABELS.sub(f'"{LABELS_FILE}"', unnumbered(config))
