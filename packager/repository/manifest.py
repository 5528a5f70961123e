"""`manifest.json`: what a version is made of and what was proven of it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version as package_version
from typing import TYPE_CHECKING, Any

from packager import __version__
from packager.model_config.render import POLICY_BLOCK, STAGED_VERSION
from packager.proof.result import Proof, Verdict
from packager.repository.layout import GOLDEN_REQUEST_FILE, GOLDEN_RESPONSE_FILE, WARMUP_FOLDER
from packager.spec.plain import plain
from packager.spec.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.serving import VersionPolicySpec

FORMAT = 2

LIVE = "live"
"""The proof that a server makes."""

SEAL = "manifest_sha256"
"""The digest of the manifest but for itself; among the times, because it differs as they do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a version came from, and the config and labels that it was proven with.

    `host_configs` are the texts of `configs/<host>.pbtxt` by host. `files` maps the version's files
    to their sha256. `dataset`, `preprocessing` and `training` are None for a model that knows of no
    data, or was not trained here. `export` says which form the artifact has, and why. `stages`
    holds, by stage, the key of what it read. `times` are the only part that differs between two
    builds of the same: when, how long, how fast. `golden` says how many rows the golden request
    has, or why there is none.
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
    export: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, object] = field(default_factory=dict)
    code: Mapping[str, object] = field(default_factory=dict)
    host: Mapping[str, object] = field(default_factory=dict)
    release: str | None = None
    golden: str = ""
    stages: Mapping[str, object] = field(default_factory=dict)
    times: Mapping[str, object] = field(default_factory=dict)
    version: int = STAGED_VERSION

    @property
    def identity(self) -> str:
        """The digest of all that clients can see of the version; see `identity`."""
        return identity(
            files=self.files,
            texts={
                "config": self.config,
                "host_configs": self.host_configs,
                "labels": self.labels,
            },
            policy=self.recipe.serving.version_policy,
            is_proven_live=any(proof.name == LIVE and is_proven(proof) for proof in self.proofs),
        )

    def to_json(self) -> str:
        """Return canonical JSON, with the seal of all that it says."""
        return sealed(self._content())

    def _content(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "identity": self.identity,
            "name": self.recipe.name,
            "version": self.version,
            "files": dict(self.files),
            "config": self.config,
            "config_sha256": hashlib.sha256(self.config.encode()).hexdigest(),
            "host_configs": dict(self.host_configs),
            "labels": list(self.labels),
            "recipe": plain(self.recipe),
            "recipe_sha256": hashlib.sha256(canonical(plain(self.recipe)).encode()).hexdigest(),
            "seed": self.recipe.trainer.seed,
            "metrics": plain(self.metrics),
            "code": plain(self.code),
            "host": plain(self.host),
            "server": {"release": self.release},
            "golden": self.golden,
            "stages": plain(self.stages),
            "times": plain(self.times),
            "dataset": plain(self.dataset),
            "preprocessing": plain(self.preprocessing),
            "module": plain(self.module),
            "export": plain(self.export),
            "training": plain(self.training),
            "proofs": {proof.name: _proof(proof) for proof in self.proofs},
            "versions": {
                "packager": __version__,
                "python": platform.python_version(),
                "torch": package_version("torch"),
            },
        }


def is_proven(proof: Proof) -> bool:
    """Return whether a proof was made, or will be before the version stays published."""
    return proof.verdict is not Verdict.skipped


def identity(
    *,
    files: Mapping[str, str],
    texts: Mapping[str, Any],
    policy: VersionPolicySpec,
    is_proven_live: bool,
) -> str:
    """Return the digest of all that clients can see of a version: its files, configs and labels.

    Files that follow from these are left out. `texts` are `config`, `host_configs` by host and
    `labels`. Whether a server has answered for it is a part too. It does not depend on the
    version's number: a specific version policy counts without.
    """
    hosts = texts["host_configs"]
    seen = {
        "files": {name: digest for name, digest in files.items() if not follows(name)},
        "config": unnumbered(texts["config"]),
        "host_configs": {host: unnumbered(text) for host, text in hosts.items()},
        "labels": list(texts["labels"]),
        "version_policy": plain(policy),
        "is_proven_live": is_proven_live,
    }
    return hashlib.sha256(canonical(seen).encode()).hexdigest()


def follows(name: str) -> bool:
    """Return whether a version's file follows from what the identity holds already.

    The golden files do, and in their last digits from the processor too; a warmup's sample is
    named in the config by its content.
    """
    return name in {GOLDEN_REQUEST_FILE, GOLDEN_RESPONSE_FILE} or name.startswith(
        f"{WARMUP_FOLDER}/"
    )


def sealed(content: Mapping[str, object]) -> str:
    """Return a manifest's canonical JSON, with a new seal among its times."""
    times = content.get("times")
    kept = times if isinstance(times, dict) else {}
    return canonical({**content, "times": {**kept, SEAL: seal_of(content)}})


def seal_of(content: Mapping[str, object]) -> str:
    """Return the digest of a manifest's content, without the seal that it may hold."""
    times = content.get("times")
    kept = times if isinstance(times, dict) else {}
    unsealed = {key: value for key, value in kept.items() if key != SEAL}
    return hashlib.sha256(canonical({**content, "times": unsealed}).encode()).hexdigest()


def canonical(content: object) -> str:
    """Return canonical JSON: keys sorted, two spaces, a newline at the end."""
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def unnumbered(config: str) -> str:
    """Return a config of ours without the version policy at its end."""
    return POLICY_BLOCK.sub("", config)


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
