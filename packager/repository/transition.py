"""Changing what a model serves while Triton polls it, so that every poll sees what fits.

A poll is not one look. Triton reads a model's config, then those of all other models, then lists
the model's versions, then loads; labels are read during the load. Polls come one after the other,
never two at a time. Source: core, src/model_repository_manager/ (Poll, AsyncLoad).
"""

from __future__ import annotations

import contextlib
import logging
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from packager.errors import UnavailableError
from packager.model_config.render import LABELS_FILE
from packager.model_config.warmup import FILE as SAMPLE_FILE
from packager.repository import durable, journal, locks, shared, staging
from packager.repository.journal import Journal, Kind
from packager.repository.layout import CONFIG_FILE, ModelPaths
from packager.repository.links import require_inside
from packager.repository.versions import remember, versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packager.repository.shared import Files, Shared
    from packager.spec.recipe import RepositorySpec

_log = logging.getLogger(__name__)

SETTLE_S = 1.0
"""How long a poll may take from a model's config to the list of its versions, and to its labels."""

SETTLE_S_PER_MODEL = 0.001
"""In between it looks at every file of the other models."""

COPY_KEPT_S = 600.0
"""How long a load may take that reads a copy of labels, or a sample of a warmup."""

LABELS_COPY = re.compile(r"labels-[0-9a-f]{8}\.txt")


@contextlib.contextmanager
def writing(repository: RepositorySpec, name: str) -> Iterator[ModelPaths]:
    """Be the one writer of a model; what a killed one left is finished or undone first.

    Raises:
        UnavailableError: a link in the model leads out of the repository.
    """
    model = ModelPaths(repository.path / name)
    require_inside(repository, model)
    lock = staging.lock_file(repository, name)
    with locks.held(lock, waiting_for=f"another process that publishes {name}"):
        _recover(repository, name)
        _remove_old_copies(model)
        _remove_old_samples(model)
        yield model


def recover(repository: RepositorySpec) -> None:
    """Finish or undo what killed writers left; models that a living one works on are left alone.

    What cannot be done yet is told, and left for the model's own next writer.
    """
    for name in journal.models(repository):
        with locks.tried(staging.lock_file(repository, name)) as free:
            try:
                if free:
                    _recover(repository, name)
            except OSError as error:
                _log.warning("%s was left unfinished, and still is: %s", name, error)


def serve(repository: RepositorySpec, name: str, wanted: Shared) -> None:
    """Serve the versions that a config names, with its labels and configs of hosts.

    The versions must be there. What differs is put in, `config.pbtxt` last.

    Raises:
        UnavailableError: it could not be written; what was served before still is.
    """
    with (
        staging.reported(repository.path / name, "repository.path"),
        writing(repository, name) as model,
    ):
        before, after = shared.read(model), wanted.files()
        samples = shared.lacking_samples(model, after)
        if before == after and not samples:
            return
        after = {**after, **samples}
        sets = {**_hold(model, before, after), "after": after, "before": before}
        begun = journal.begin(repository, model, Kind.serve, sets=sets)
        try:
            _serve(repository, begun)
        except BaseException:
            with contextlib.suppress(OSError):
                begun.turn_into(Kind.restore)
                _restore(begun)
                begun.discard()
            raise
        begun.discard()


def bring_in(
    repository: RepositorySpec, model: ModelPaths, version: Path, *, after: Files
) -> dict[str, bytes]:
    """Rename a version into an existing model, then put in what it is served with.

    Returns what was there before. The lock must be held and everything be on the disk. On failure
    the version is taken out again and all is as it was.
    """
    before = shared.read(model)
    number = int(version.name)
    sets = {
        **_hold(model, before, after),
        "after": after,
        "left": shared.held(before, shared.served(before, versions(model.directory))),
        "before": before,
    }
    begun = journal.begin(repository, model, Kind.publish, version=number, sets=sets)
    try:
        if begun.names.get("hold"):
            begun.put_in("hold")
            settle(repository)
        durable.move(version, model.version(number))
        _finish(begun)
    except BaseException:
        with contextlib.suppress(OSError):
            _turn_back(repository, begun)
            begun.discard()
        raise
    begun.discard()
    return before


def take_back(repository: RepositorySpec, model: ModelPaths, number: int, *, before: Files) -> None:
    """Take a version out that is served, and put in what was there before it.

    The lock must be held.
    """
    others = tuple(one for one in versions(model.directory) if one != number)
    now = shared.read(model)
    # Long after publishing they may be gone.
    before = {**before, **shared.lacking_samples(model, before)}
    sets = {
        **_hold(model, now, before),
        "left": shared.held(before, shared.served(before, others)),
        "before": before,
    }
    begun = journal.begin(repository, model, Kind.withdraw, version=number, sets=sets)
    _withdraw(repository, begun)
    begun.discard()


def remove(
    repository: RepositorySpec, name: str, numbers: Iterable[int], *, even_served: bool = False
) -> None:
    """Take versions out, unless they are served by now; their numbers are not given again.

    Raises:
        UnavailableError: the repository cannot be written, or one of them is served by now.
    """
    wanted = tuple(numbers)
    with (
        staging.reported(repository.path / name, "repository.path"),
        writing(repository, name) as model,
        staging.scratch(repository, name) as trash,
    ):
        if not even_served:
            _require_not_served(model, wanted)
        remember(repository, name)
        for number in wanted:
            durable.move(model.version(number), trash / str(number))
            durable.sync(model.directory)


def _require_not_served(model: ModelPaths, numbers: tuple[int, ...]) -> None:
    """Check under the lock what was chosen before it: another process may have changed the policy.

    Raises:
        UnavailableError: a version is served.
    """
    served = shared.served(shared.read(model), versions(model.directory))
    now = sorted({*served} & {*numbers})
    if now:
        raise UnavailableError(
            f"version {', '.join(map(str, now))} of {model.directory.name} is served by now, by"
            " another process; nothing is removed",
            where="task.keep",
            remedy="look at the versions, and try again",
        )


def _recover(repository: RepositorySpec, name: str) -> None:
    for left in journal.found(repository, name):
        match left.kind:
            case Kind.publish:
                _finish(left) if left.model.version(left.version).exists() else _restore(left)
            case Kind.withdraw:
                _withdraw(repository, left)
            case Kind.serve:
                _serve(repository, left)
            case Kind.restore:
                _restore(left)
            case None:
                pass
        left.discard()


def _hold(model: ModelPaths, before: Files, after: Files) -> dict[str, Files]:
    """Return what keeps the versions that are served as they are while the others' files come.

    Nothing where either's files fit both. Labels that change are read from a copy meanwhile.
    """
    numbers = shared.served(before, versions(model.directory))
    if not numbers or shared.interchangeable(before, after):
        return {}
    same_labels = before.get(LABELS_FILE) == after.get(LABELS_FILE)
    labels = LABELS_FILE if same_labels else shared.labels_copy(before)
    return {"hold": shared.held(before, numbers, labels=labels)}


def _finish(begun: Journal) -> None:
    """Put in what a version that has come is served with."""
    begun.put_in("after")
    begun.take_out_others("after")


def _restore(begun: Journal) -> None:
    begun.put_in("before")
    begun.take_out_others("before")


def _serve(repository: RepositorySpec, begun: Journal) -> None:
    if begun.names.get("hold"):
        begun.put_in("hold")
        settle(repository)
    _finish(begun)


def _turn_back(repository: RepositorySpec, begun: Journal) -> None:
    """Undo a publication that failed, whether its version has come or not."""
    if not begun.model.version(begun.version).exists():
        _restore(begun)
        return
    begun.turn_into(Kind.withdraw)
    _withdraw(repository, begun)


def _withdraw(repository: RepositorySpec, begun: Journal) -> None:
    """Serve what is left, wait until nobody reads the version, take it out, then its policy."""
    version = begun.model.version(begun.version)
    if version.exists():
        if begun.names.get("hold") and begun.names.get("after") is None:
            begun.put_in("hold")
            settle(repository)
        begun.put_in("left")
        begun.take_out_others("before", keep=(CONFIG_FILE,))
        settle(repository)
        remember(repository, begun.model.directory.name)
        durable.move(version, begun.trash / version.name)
        durable.sync(begun.model.directory)
    _restore(begun)


def settle(repository: RepositorySpec) -> None:
    """Wait until the polls that began before the last step have read all they will."""
    models = sum(1 for _ in repository.path.iterdir())
    time.sleep(SETTLE_S + SETTLE_S_PER_MODEL * models)


def _remove_old_copies(model: ModelPaths) -> None:
    """Remove copies of labels that no load reads any more."""
    config = model.config.read_text(errors="replace") if model.config.exists() else ""
    for path in model.directory.glob("labels-*.txt"):
        old = time.time() - path.stat().st_mtime > COPY_KEPT_S
        if old and LABELS_COPY.fullmatch(path.name) and path.name not in config:
            durable.remove(path)


def _remove_old_samples(model: ModelPaths) -> None:
    """Remove samples that no config names, once no load goes on by a config that did."""
    if not model.warmup.is_dir():
        return
    configs = [path for path in (model.config, *model.host_configs().values()) if path.exists()]
    # The later of both: a rename leaves the time of writing as it was.
    newest = max((max(one.st_mtime, one.st_ctime) for one in map(Path.stat, configs)), default=0.0)
    if time.time() - newest <= COPY_KEPT_S:
        return
    kept = {path.rpartition("/")[2] for path in shared.samples_of(shared.read(model))}
    for path in model.warmup.iterdir():
        if SAMPLE_FILE.fullmatch(path.name) and path.name not in kept:
            durable.remove(path)
    if not any(model.warmup.iterdir()):
        model.warmup.rmdir()
