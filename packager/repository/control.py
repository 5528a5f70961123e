"""Which versions of a model are served and kept, in a directory or in an object store."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.model_config.parse import parse
from packager.model_config.render import LABELS_FILE
from packager.repository import journal, shared, transition
from packager.repository.layout import CONFIG_FILE, ModelPaths
from packager.repository.policy import pinned
from packager.repository.shared import Shared
from packager.spec.recipe import AnyRepositorySpec, RepositorySpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.repository.record import Record
    from packager.repository.state import ModelState


def serve(repository: AnyRepositorySpec, state: ModelState, version: int) -> None:
    """Serve one version with the config, labels and configs of hosts that its manifest embeds.

    The newest is served by its own policy; another alone.

    Raises:
        SpecError: it has no manifest.
        UnavailableError: it could not be written; what was served before still is.
    """
    if isinstance(repository, RepositorySpec):
        record = require_record(state, version)
        wanted = shared_of(record, alone=version != state.versions[-1])
        transition.serve(repository, state.name, wanted)
        return
    # It needs libraries of its own.
    from packager.repository.remote import changes as remote  # noqa: PLC0415

    remote.serve(repository, state.name, version)


def remove(repository: AnyRepositorySpec, state: ModelState, numbers: Sequence[int]) -> None:
    """Take versions out. Where served ones are among them, what is left is served first.

    Raises:
        SpecError: nothing would be left, or what would be served has no manifest.
        UnavailableError: the repository cannot be written.
    """
    if not isinstance(repository, RepositorySpec):
        from packager.repository.remote import changes as remote  # noqa: PLC0415

        remote.prune(repository, state.name, numbers)
        return
    forced = bool(set(numbers) & set(state.served))
    if forced:
        wanted = shared_without(repository, state, numbers)
        transition.serve(repository, state.name, wanted)
        # Polls that began before that must not look for what is taken out now.
        transition.settle(repository)
    transition.remove(repository, state.name, numbers, even_served=forced)


def size_bytes(repository: AnyRepositorySpec, name: str, numbers: Sequence[int]) -> int:
    """Return how much the files of some versions hold."""
    if isinstance(repository, RepositorySpec):
        model = ModelPaths(repository.path / name)
        found = (path for number in numbers for path in model.version(number).rglob("*"))
        return sum(path.lstat().st_size for path in found if not path.is_dir())
    from packager.repository.remote.model import RemoteModel  # noqa: PLC0415

    remote = RemoteModel(repository.place, name)
    return sum(size for number in numbers for size in remote.sizes(number).values())


def is_being_changed(repository: AnyRepositorySpec, name: str) -> bool:
    """Return whether a change of a model is under way, or was interrupted; writes nothing."""
    return isinstance(repository, RepositorySpec) and bool(journal.found(repository, name))


def shared_of(record: Record, *, alone: bool) -> Shared:
    """Return what a version is served with: as it was published, or by a policy of it alone."""

    def text(config: str) -> str:
        return pinned(config, [record.version]) if alone else config

    # What comes from an object store has its labels in the version's directory.
    labels = () if LABELS_FILE in record.files else record.labels
    hosts = {host: text(config) for host, config in record.host_configs.items()}
    return Shared(config=text(record.config), labels=labels, host_configs=hosts)


def shared_without(repository: RepositorySpec, state: ModelState, numbers: Sequence[int]) -> Shared:
    """Return what a model is served with once versions are gone: as now, if any served one stays.

    Raises:
        SpecError: nothing is left, or what is has no manifest.
    """
    left = tuple(one for one in state.versions if one not in numbers)
    if not left:
        raise SpecError(
            f"no version of {state.name} would be left",
            where="task.keep",
            remedy="keep at least one",
        )
    staying = tuple(one for one in state.served if one in left)
    if not staying:
        return shared_of(require_record(state, left[-1]), alone=False)
    files = shared.read(ModelPaths(repository.path / state.name))
    labels = files.pop(LABELS_FILE, b"").decode().splitlines()
    texts = {path: _naming(content.decode(), staying) for path, content in files.items()}
    config = texts.pop(CONFIG_FILE)
    hosts = {PurePosixPath(path).stem: text for path, text in texts.items()}
    return Shared(config=config, labels=tuple(labels), host_configs=hosts)


def _naming(config: str, staying: Sequence[int]) -> str:
    """Return a config whose specific policy names no version that goes."""
    is_specific = parse(config).version_policy.HasField("specific")
    return pinned(config, staying) if is_specific else config


def require_version(state: ModelState, version: int) -> None:
    """Check that a version is there.

    Raises:
        SpecError: it is not; lists those that are.
    """
    if version not in state.versions:
        raise SpecError(
            f"{state.name} has no version {version}",
            where="task.version",
            remedy=f"choose of {', '.join(map(str, state.versions)) or 'none: build one first'}",
        )


def require_record(state: ModelState, version: int) -> Record:
    """Return what a version's manifest says.

    Raises:
        SpecError: there is no such version, or it has no manifest.
    """
    require_version(state, version)
    if version not in state.records:
        raise SpecError(
            f"version {version} of {state.name} has no manifest that tells its config",
            where="task.version",
            remedy="choose a version that packager has published",
        )
    return state.records[version]
