"""`manifest.json`: what a version is made of and what was proven of it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING

from packager import __version__
from packager.proof.result import Proof
from packager.spec.plain import plain
from packager.spec.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a version came from, and the config and labels that it was proven with.

    `host_configs` are the texts of `configs/<host>.pbtxt` by host. `files` maps the version's files
    to their sha256. `dataset`, `preprocessing` and `training` are None for a model that knows of no
    data, or was not trained here.
    """

    recipe: Recipe
    files: Mapping[str, str]
    config: str
    labels: tuple[str, ...]
    dataset: Mapping[str, object] | None
    preprocessing: Mapping[str, object] | None
    module: Mapping[str, object]
    training: Mapping[str, object] | None
    proofs: tuple[Proof, ...]
    host_configs: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return canonical JSON: keys sorted, two spaces, a newline at the end."""
        return json.dumps(self._content(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def _content(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "files": dict(self.files),
            "config": self.config,
            "config_sha256": hashlib.sha256(self.config.encode()).hexdigest(),
            "host_configs": dict(self.host_configs),
            "labels": list(self.labels),
            "recipe": plain(self.recipe),
            "dataset": plain(self.dataset),
            "preprocessing": plain(self.preprocessing),
            "module": plain(self.module),
            "training": plain(self.training),
            "proofs": {proof.name: _proof(proof) for proof in self.proofs},
            "versions": {
                "packager": __version__,
                "python": platform.python_version(),
                "torch": package_version("torch"),
            },
        }


def _proof(proof: Proof) -> dict[str, object]:
    return {
        "verdict": proof.verdict.value,
        "finding": proof.finding,
        "measured": dict(proof.measured),
    }


def sha256(path: Path) -> str:
    """Return a file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
