"""A staged model, rewritten for an object store: its own labels, its policy, its manifest."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

from packager.model_config.render import LABELS_FILE, STAGED_VERSION
from packager.repository.layout import CONFIG_FILE, CONFIGS_FOLDER
from packager.repository.manifest import sealed, sha256
from packager.repository.remote.committed import chosen, listing, with_own_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from packager.repository.layout import ModelPaths


def published_configs(
    source: ModelPaths, *, number: int, committed: Iterable[int]
) -> dict[str, str]:
    """Return the staged configs as they are published, by their paths in the model.

    They serve what their policy chooses of all versions, and always name which.
    """
    staged = {f"{CONFIGS_FOLDER}/{path.name}": path for path in source.host_configs().values()}
    return {
        path: as_published(file.read_text(), number=number, committed=committed)
        for path, file in (staged | {CONFIG_FILE: source.config}).items()
    }


def as_published(config: str, *, number: int, committed: Iterable[int]) -> str:
    """Return a rendered config as it is published for a version beside those committed."""
    versions = sorted({*committed, number})
    own = with_own_labels(config, number)
    return listing(own, versions=versions, serving=chosen(config, versions))


def add_labels(source: ModelPaths) -> None:
    """Put the labels into the version's directory."""
    if source.labels.exists():
        shutil.copyfile(source.labels, source.version(STAGED_VERSION) / LABELS_FILE)


def rewrite_configs(source: ModelPaths, configs: Mapping[str, str]) -> None:
    """Write the configs as published, into the staged model and its manifest.

    Its identity stays: it says what the recipe gives, wherever it is published.
    """
    for path, text in configs.items():
        (source.directory / path).write_text(text)
    manifest = source.manifest(STAGED_VERSION)
    content = json.loads(manifest.read_text())
    config = configs[CONFIG_FILE]
    content["config"] = config
    content["config_sha256"] = hashlib.sha256(config.encode()).hexdigest()
    content["host_configs"] = {_host(path): configs[path] for path in configs if "/" in path}
    content["files"] = dict(content.get("files", {})) | _labels(source.version(STAGED_VERSION))
    manifest.write_text(sealed(content))


def name_as_published(source: ModelPaths, number: int) -> None:
    """Leave the staged model as it looks in the store: with its number, and its labels there."""
    source.labels.unlink(missing_ok=True)
    source.version(STAGED_VERSION).rename(source.version(number))


def _host(path: str) -> str:
    return path.removeprefix(f"{CONFIGS_FOLDER}/").removesuffix(".pbtxt")


def _labels(version: Path) -> dict[str, str]:
    path = version / LABELS_FILE
    return {LABELS_FILE: sha256(path)} if path.exists() else {}
