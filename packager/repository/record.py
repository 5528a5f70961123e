"""What a version's `manifest.json` says, read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.errors import SpecError
from packager.model_config.render import LABELS_FILE
from packager.proof.result import Verdict
from packager.repository.layout import MANIFEST_FILE
from packager.repository.manifest import LIVE, identity
from packager.spec.serving import VersionPolicyKind, VersionPolicySpec

if TYPE_CHECKING:
    from packager.repository.files import Files

_OWN_LABELS = re.compile(rf'"[1-9][0-9]*/{re.escape(LABELS_FILE)}"')
_LABELS = f'"{LABELS_FILE}"'


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A version by its manifest; `content` is that file's JSON.

    A manifest of an older format lacks what came later: `identity` is empty then.
    """

    version: int
    content: Mapping[str, Any]

    @property
    def identity(self) -> str:
        """The digest of all that clients can see of it: its files, its config, its labels."""
        return str(self.content.get("identity", ""))

    @property
    def config(self) -> str:
        """The `config.pbtxt` that it was published with."""
        return str(self.content["config"])

    @property
    def host_configs(self) -> Mapping[str, str]:
        """The texts of `configs/<host>.pbtxt` by host."""
        return dict(self.content.get("host_configs", {}))

    @property
    def labels(self) -> tuple[str, ...]:
        """The lines of labels.txt; none where there is no such file."""
        return tuple(self.content.get("labels", ()))

    @property
    def files(self) -> Mapping[str, str]:
        """The sha256 of the version's files by name."""
        return dict(self.content.get("files", {}))

    @property
    def golden(self) -> str:
        """What its golden request holds, or why there is none; empty in older manifests."""
        return str(self.content.get("golden", ""))

    @property
    def accuracy(self) -> float | None:
        """Accuracy on the test set, in [0, 1]; older manifests have it in the training alone."""
        places = (("metrics", "accuracy"), ("training", "test_accuracy"))
        found = [(self.content.get(part) or {}).get(key) for part, key in places]
        return next((float(value) for value in found if isinstance(value, int | float)), None)

    @property
    def built(self) -> str:
        """When it was built, in UTC as ISO 8601; empty where that is not told."""
        return str((self.content.get("times") or {}).get("built", ""))

    @property
    def expected_identity(self) -> str | None:
        """The identity that follows from the rest; None where the manifest holds none.

        An object store has the labels in the version's directory; the identity knows nothing of it.
        """
        policy = self._policy()
        if not self.identity or policy is None:
            return None
        hosts = {host: _OWN_LABELS.sub(_LABELS, text) for host, text in self.host_configs.items()}
        return identity(
            files={name: digest for name, digest in self.files.items() if name != LABELS_FILE},
            texts={
                "config": _OWN_LABELS.sub(_LABELS, self.config),
                "host_configs": hosts,
                "labels": self.labels,
            },
            policy=policy,
            is_proven_live=self._is_proven_live(),
        )

    def _is_proven_live(self) -> bool:
        proofs = self.content.get("proofs")
        told = proofs.get(LIVE) if isinstance(proofs, dict) else None
        return isinstance(told, dict) and told.get("verdict") != Verdict.skipped.value

    def _policy(self) -> VersionPolicySpec | None:
        try:
            told = self.content["recipe"]["serving"]["version_policy"]
            return VersionPolicySpec(
                kind=VersionPolicyKind(told["kind"]),
                num_versions=told["num_versions"],
                versions=tuple(told["versions"]),
            )
        except (KeyError, TypeError, ValueError, SpecError):
            return None

    def stage_key(self, stage: str) -> str | None:
        """Return the key of what a stage of the build read; None where that is not told."""
        found = (self.content.get("stages") or {}).get(stage)
        return str(found["key"]) if isinstance(found, dict) and "key" in found else None


def read(files: Files, model: str, version: int) -> Record | None:
    """Return what a version's manifest says; None where it has none that can be read."""
    text = files.read(f"{model}/{version}/{MANIFEST_FILE}")
    if text is None:
        return None
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return Record(version=version, content=content) if _is_manifest(content) else None


def _is_manifest(content: object) -> bool:
    """Return whether the parts that are read have the types that they are read with."""
    if not isinstance(content, dict) or not isinstance(content.get("config"), str):
        return False
    labels = content.get("labels", [])
    texts = [content.get(part, {}) for part in ("files", "host_configs")]
    parts = [content.get(part) or {} for part in ("metrics", "training", "times", "stages")]
    return (
        isinstance(labels, list)
        and all(isinstance(label, str) for label in labels)
        and all(isinstance(part, dict) for part in (*texts, *parts))
        and all(isinstance(text, str) for part in texts for text in part.values())
    )
