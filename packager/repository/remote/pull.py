"""Bringing a model from an object store into a directory, for a Triton that reads only disks."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packager.errors import SpecError, UnavailableError
from packager.repository import durable, record
from packager.repository.layout import CONFIG_FILE, CONFIGS_FOLDER, WARMUP_FOLDER, ModelPaths
from packager.repository.links import beneath
from packager.repository.manifest import sha256
from packager.repository.policy import pinned
from packager.repository.remote.failures import reported
from packager.repository.remote.model import RemoteModel, samples_in
from packager.repository.staging import reported as reported_here
from packager.repository.state import served_versions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packager.spec.recipe import RemoteRepositorySpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """A model in a directory: where, and which versions of it."""

    model: ModelPaths
    versions: tuple[int, ...]


def pull(spec: RemoteRepositorySpec, name: str, *, to: Path, version: int | None = None) -> Pulled:
    """Download the versions of a model that are served, or one; they appear by one rename.

    Every file that a manifest names is held to its sha256 there.

    Raises:
        SpecError: there is no such model or version, or the directory has the model already.
        UnavailableError: a file is not what its manifest says, or the disk fails.
    """
    target = ModelPaths(to / name)
    if target.directory.exists():
        raise SpecError(
            f"{target.directory} is there already",
            where="task.to",
            remedy="choose another directory, or take that model out first",
        )
    model = RemoteModel(spec.place, name)
    with reported_here(to, "task.to"):
        to.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{to.name}.{name}-", dir=to.parent))
    try:
        staged = ModelPaths(folder / name)
        versions = _download(model, staged, version)
        with reported_here(to, "task.to"):
            durable.seal(staged.directory)
            staged.directory.rename(target.directory)
            durable.sync(to)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Pulled(model=target, versions=versions)


def _download(model: RemoteModel, staged: ModelPaths, version: int | None) -> tuple[int, ...]:
    with reported(model.url):
        configs, committed = model.configs().texts, model.versions()
        served = served_versions(configs.get(CONFIG_FILE), committed)
    versions = served if version is None else (version,)
    if not versions or not set(versions) <= set(committed):
        raise SpecError(
            f"{model.name} has no version {version or 'that is served'} in {model.url}",
            where="task.model" if version is None else "task.version",
            remedy=f"choose of {', '.join(map(str, committed)) or 'the models that are listed'}",
        )
    for number in versions:
        _download_version(model, staged, number)
    texts = _configs(model, configs, version)
    for name in sorted(samples_in(texts)):
        _take_sample(model, staged, name, versions)
    for path, text in texts.items():
        _write(beneath(staged.directory, path), pinned(text, versions))
    return versions


def _take_sample(
    model: RemoteModel, staged: ModelPaths, name: str, versions: tuple[int, ...]
) -> None:
    """Put a sample that the configs name where Triton reads it: a version's own, or the store's."""
    staged.warmup.mkdir(exist_ok=True)
    copies = (staged.version_warmup(number) / name for number in versions)
    copy = next((one for one in copies if one.is_file()), None)
    if copy is not None:
        shutil.copyfile(copy, staged.warmup / name)
        return
    with reported(model.url):
        path = model.path(f"{WARMUP_FOLDER}/{name}")
        model.store.download(path, staged.warmup / name)


def _download_version(model: RemoteModel, staged: ModelPaths, number: int) -> None:
    with reported(model.url):
        names = tuple(model.sizes(number))
        for name in names:
            path = beneath(staged.version(number), name)
            path.parent.mkdir(parents=True, exist_ok=True)
            model.store.download(model.path(f"{number}/{name}"), path)
        found = record.read(model.files, model.name, number)
    for name, digest in (found.files if found else {}).items():
        path = staged.version(number) / name
        if not path.is_file() or sha256(path) != digest:
            raise UnavailableError(
                f"{model.url}/{model.name}/{number}/{name} is not what its manifest says",
                where="repository.path",
                remedy="publish anew; task=versions task.action=verify shows all that is wrong",
            )


def _configs(
    model: RemoteModel, there: Mapping[str, str], version: int | None
) -> Mapping[str, str]:
    """Return the configs to write: those that are there, or those that one version came with."""
    found = None if version is None else record.read(model.files, model.name, version)
    if found is None:
        return there
    hosts = {f"{CONFIGS_FOLDER}/{host}.pbtxt": text for host, text in found.host_configs.items()}
    return hosts | {CONFIG_FILE: found.config}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
