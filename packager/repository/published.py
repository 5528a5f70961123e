"""What is published of a model already; nothing is written, and little imported to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.repository import journal, shared
from packager.repository.files import LocalFiles
from packager.repository.layout import ModelPaths
from packager.repository.manifest import sha256
from packager.repository.policy import pinned
from packager.repository.shared import Shared
from packager.repository.state import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.repository.record import Record
    from packager.repository.shared import Files
    from packager.spec.recipe import RepositorySpec


def same_version(repository: RepositorySpec, name: str, *, identity: str) -> int | None:
    """Return the newest version, or one that is served, of this identity; None for none.

    Its files must be those of its manifest, and it must be signed if versions are to be. Another
    version may be served, as after a rollback; but configs and labels must be as some version was
    published or promoted with, not edited since, with the samples that they name in place, and no
    killed writer may have left a change half done.
    """
    model = ModelPaths(repository.path / name)
    state = read(LocalFiles(repository.path), name)
    candidates = dict.fromkeys((*state.versions[-1:], *state.served))
    same = [
        record
        for record in map(state.records.get, candidates)
        if record is not None and record.identity == identity and _is_whole(model, record)
    ]
    if repository.signing_key is not None:
        same = [record for record in same if model.signature(record.version).exists()]
    if not same or journal.found(repository, name):
        return None
    now = shared.read(model)
    known = (files for record in state.records.values() for files in _served_with(record))
    in_place = all(shared.is_in_place(model, path) for path in shared.samples_of(now))
    return same[0].version if in_place and now in known else None


def _is_whole(model: ModelPaths, record: Record) -> bool:
    """Whether the version's files are those of its manifest."""
    paths = {model.version(record.version) / name: one for name, one in record.files.items()}
    return all(path.is_file() and sha256(path) == digest for path, digest in paths.items())


def _served_with(record: Record) -> Iterator[Files]:
    """Yield what a version is served with: as it was published, or held to it alone."""
    alone = [record.version]
    hosts = record.host_configs
    for config, host_configs in (
        (record.config, hosts),
        (pinned(record.config, alone), {host: pinned(text, alone) for host, text in hosts.items()}),
    ):
        wanted = Shared(config=config, labels=record.labels, host_configs=host_configs)
        yield wanted.files()
