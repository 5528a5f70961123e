"""`manifest.json`: what a version is made of and what was proven of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

from packager import __version__
from packager.proof.result import Proof
from packager.spec.recipe import Recipe

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a version came from, and the config and labels that it was proven with.

    `files` maps the version's files to their sha256.
    """

    recipe: Recipe
    files: Mapping[str, str]
    config: str
    labels: tuple[str, ...]
    dataset: Mapping[str, object]
    training: Mapping[str, object]
    proofs: tuple[Proof, ...]

    def to_json(self) -> str:
        """Return canonical JSON: keys sorted, two spaces, a newline at the end."""
        return json.dumps(self._content(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def _content(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "files": dict(self.files),
            "config": self.config,
            "config_sha256": hashlib.sha256(self.config.encode()).hexdigest(),
            "labels": list(self.labels),
            "recipe": plain(self.recipe),
            "dataset": plain(self.dataset),
            "preprocessing": {
                "resize": plain(self.recipe.dataset.resize),
                "scale": "uint8 / 255",
                "layout": "channels, height, width",
            },
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


def digests(*paths: Path) -> dict[str, str]:
    """Return the sha256 of files by their names."""
    return {path.name: sha256(path) for path in paths}


def sha256(path: Path) -> str:
    """Return a file's sha256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain(value: Any) -> Any:
    """Return a spec as JSON's types: dataclasses as objects, enums by value, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    match value:
        case Enum():
            return value.value
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case Path():
            return str(value)
        case _:
            return value
