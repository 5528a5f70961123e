"""Changing what an object store serves: promote, roll back, prune."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.repository import record
from packager.repository.layout import CONFIG_FILE, CONFIGS_FOLDER
from packager.repository.remote.claims import State
from packager.repository.remote.committed import chosen, listing
from packager.repository.remote.failures import reported
from packager.repository.remote.model import RemoteModel

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from packager.repository.remote.model import Configs
    from packager.spec.recipe import RemoteRepositorySpec


def serve(spec: RemoteRepositorySpec, name: str, version: int) -> tuple[int, ...]:
    """Let a version be served with its own config; return all that are then served.

    The newest brings its own policy back; another is served alone.

    Raises:
        SpecError: there is no such version, or its manifest has no config.
    """
    model = RemoteModel(spec.place, name)
    with reported(spec.place), model.leased() as lease:
        before, versions = model.configs(), model.versions()
        own = _own_configs(model, version, versions)
        newest = version == versions[-1]
        texts = {
            path: listing(
                text, versions=versions, serving=chosen(text, versions) if newest else [version]
            )
            for path, text in own.items()
        }
        model.commit(texts, before, lease)
    return chosen(texts[CONFIG_FILE], versions)


def prune(spec: RemoteRepositorySpec, name: str, versions: Collection[int]) -> None:
    """Remove versions: from the configs first, then their objects.

    Where a served one is among them, the newest of those that are left and served takes its place
    with its own config; where none is, the newest.

    Raises:
        SpecError: no version would be left, or the one to serve has no manifest.
    """
    model = RemoteModel(spec.place, name)
    with reported(spec.place), model.leased() as lease:
        before = model.configs()
        left = tuple(one for one in model.versions() if one not in versions)
        if not left:
            raise SpecError(
                f"no version of {name} would be left",
                where="task.keep",
                remedy="keep at least one",
            )
        texts = _without(model, before, versions, left)
        for number in sorted(versions):
            model.claims.mark(number, State.removed)
        model.commit(texts, before, lease)
        for number in sorted(versions):
            model.remove_version(number)


def _own_configs(model: RemoteModel, version: int, versions: tuple[int, ...]) -> dict[str, str]:
    """Return a version's configs from its manifest, by their paths in the model."""
    if version not in versions:
        raise SpecError(
            f"{model.name} has no version {version}",
            where="task.version",
            remedy=f"choose of {', '.join(map(str, versions)) or 'none: publish one first'}",
        )
    found = record.read(model.files, model.name, version)
    if found is None:
        raise SpecError(
            f"version {version} of {model.name} has no manifest that tells its config",
            where="task.version",
            remedy="choose a version that packager has published",
        )
    hosts = {f"{CONFIGS_FOLDER}/{host}.pbtxt": text for host, text in found.host_configs.items()}
    return hosts | {CONFIG_FILE: found.config}


def _without(
    model: RemoteModel, before: Configs, versions: Collection[int], left: tuple[int, ...]
) -> Mapping[str, str]:
    """Return the configs without some versions; those of another one if a served one goes."""
    served = {path: chosen(text, model.versions()) for path, text in before.texts.items()}
    if not any(one in versions for those in served.values() for one in those):
        return {
            path: listing(text, versions=left, serving=served[path])
            for path, text in before.texts.items()
        }
    still = tuple(one for one in served.get(CONFIG_FILE, ()) if one in left) or left[-1:]
    own = _own_configs(model, still[-1], left)
    return {path: listing(text, versions=left, serving=still) for path, text in own.items()}
