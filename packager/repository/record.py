"""What a version's `manifest.json` says, read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.repository.layout import MANIFEST_FILE

if TYPE_CHECKING:
    from packager.repository.files import Files


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
    def accuracy(self) -> float | None:
        """Accuracy on the test set, in [0, 1]."""
        found = (self.content.get("metrics") or {}).get("accuracy")
        return None if found is None else float(found)

    @property
    def built(self) -> str:
        """When it was built, in UTC as ISO 8601; empty where that is not told."""
        return str((self.content.get("times") or {}).get("built", ""))


def read(files: Files, model: str, version: int) -> Record | None:
    """Return what a version's manifest says; None where it has none that can be read."""
    text = files.read(f"{model}/{version}/{MANIFEST_FILE}")
    if text is None:
        return None
    try:
        content = json.loads(text)
    except ValueError:
        return None
    if not isinstance(content, dict) or not isinstance(content.get("config"), str):
        return None
    return Record(version=version, content=content)
