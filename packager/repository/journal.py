"""What a writer is about to do to a model, on disk before its first visible step.

Staging holds `<name>-<random>.journal/`: sets of files to be put in, one folder each, and a file
that names the kind of change, written last. A file that was put in is no longer in its set, so
whoever finds the journal goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from packager.repository import durable
from packager.repository.layout import ModelPaths
from packager.repository.shared import Files, in_order, read

if TYPE_CHECKING:
    from packager.spec.recipe import RepositorySpec

NAME = re.compile(r"(?P<model>.+)-[0-9a-f]{8}\.journal")
PLAN = "plan.json"


class Kind(Enum):
    """What is being done; each is a file in the journal of this name."""

    publish = "publish"
    withdraw = "withdraw"
    serve = "serve"
    restore = "restore"


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """A change of a model, begun or not; `names` are the paths of each set, put in or not."""

    folder: Path
    model: ModelPaths
    version: int
    names: Mapping[str, tuple[str, ...]]

    @property
    def kind(self) -> Kind | None:
        """What is being done; None where the journal itself was never finished."""
        return next((kind for kind in Kind if (self.folder / kind.value).exists()), None)

    @property
    def trash(self) -> Path:
        """Where a version goes that is taken out."""
        return self.folder / "trash"

    def put_in(self, name: str) -> None:
        """Put in what is left of a set, if there is one: `config.pbtxt` last."""
        folder = self.folder / name
        for path in in_order(self.names.get(name, ())):
            source, target = folder / path, self.model.directory / path
            if not source.exists():
                continue
            if target.exists() and target.read_bytes() == source.read_bytes():
                source.unlink()
                continue
            if not target.parent.exists():
                durable.make_folder(target.parent)
                durable.sync(target.parent.parent)
            durable.move(source, target)

    def take_out_others(self, name: str, *, keep: tuple[str, ...] = ()) -> None:
        """Take out what versions share and is in no file of a set."""
        for path in in_order(set(read(self.model)) - {*self.names[name], *keep}):
            durable.remove(self.model.directory / path)
        if self.model.configs.is_dir() and not any(self.model.configs.iterdir()):
            self.model.configs.rmdir()

    def turn_into(self, kind: Kind) -> None:
        """Do something else from now on; whoever finds the journal will too."""
        if self.kind is not None:
            durable.move(self.folder / self.kind.value, self.folder / kind.value)

    def discard(self) -> None:
        """Forget it: the change is done, or undone."""
        for kind in Kind:
            (self.folder / kind.value).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def begin(
    repository: RepositorySpec,
    model: ModelPaths,
    kind: Kind,
    *,
    version: int = 0,
    sets: Mapping[str, Files],
) -> Journal:
    """Write a journal, all of it forced to the disk: nothing of the change needs space later."""
    folder = repository.staging / f"{model.directory.name}-{secrets.token_hex(4)}.journal"
    names = {name: tuple(files) for name, files in sets.items()}
    journal = Journal(folder=folder, model=model, version=version, names=names)
    try:
        journal.trash.mkdir(parents=True)
        for name, files in sets.items():
            for path, content in files.items():
                (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / name / path).write_bytes(content)
        plan = {"model": _place(repository, model), "version": version, "names": names}
        (folder / PLAN).write_text(json.dumps(plan))
        durable.seal(folder)
        (folder / kind.value).touch()
        durable.sync(folder)
        durable.sync(folder.parent)
    except BaseException:
        journal.discard()
        raise
    return journal


def found(repository: RepositorySpec, name: str) -> list[Journal]:
    """Return the journals of a model that dead writers left; its lock must be held.

    A staging folder may serve several repositories: another's model of this name is left alone.
    """
    folders = [folder for folder in _folders(repository) if _model_of(folder) == name]
    journals = [_read(repository, folder, name) for folder in folders]
    return [journal for journal in journals if journal is not None]


def models(repository: RepositorySpec) -> set[str]:
    """Return the names of models with a journal, of writers that live or are dead."""
    return {_model_of(folder) for folder in _folders(repository)}


def _folders(repository: RepositorySpec) -> list[Path]:
    return [path for path in repository.staging.glob("*.journal") if NAME.fullmatch(path.name)]


def _model_of(folder: Path) -> str:
    matched = NAME.fullmatch(folder.name)
    return matched["model"] if matched else ""


def _read(repository: RepositorySpec, folder: Path, name: str) -> Journal | None:
    model = ModelPaths(repository.path / name)
    try:
        plan = json.loads((folder / PLAN).read_bytes())
    except (OSError, ValueError):
        return Journal(folder=folder, model=model, version=0, names={})
    if plan["model"] != _place(repository, model):
        return None
    names = {name: tuple(paths) for name, paths in plan["names"].items()}
    return Journal(folder=folder, model=model, version=plan["version"], names=names)


def _place(repository: RepositorySpec, model: ModelPaths) -> str:
    """Return where a model is, seen from staging: the same when both are moved together."""
    return os.path.relpath(model.directory.resolve(), repository.staging.resolve())
