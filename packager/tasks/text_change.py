"""How the texts that Triton reads beside the artifact would change, and what it would do then."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.model_config.render import LABELS_FILE
from packager.repository import changes
from packager.repository.layout import CONFIG_FILE, CONFIGS_FOLDER

if TYPE_CHECKING:
    from packager.repository.files import Files
    from packager.repository.state import ModelState


@dataclass(frozen=True, kw_only=True, slots=True)
class TextChange:
    """The texts by name, before and after: `config.pbtxt`, configs of hosts, labels."""

    before: Mapping[str, str]
    after: Mapping[str, str]

    @classmethod
    def of(cls, files: Files, state: ModelState, texts: Mapping[str, Any]) -> TextChange:
        """Return how what is published of a model would become `texts`, as they are rendered."""
        folder = f"{state.name}/{CONFIGS_FOLDER}"
        hosts = {path.rpartition("/")[2]: files.read(path) or b"" for path in files.files(folder)}
        published = changes.published(files, state)
        return cls(
            before={
                CONFIG_FILE: state.config or "",
                **{_host(name): text.decode(errors="replace") for name, text in hosts.items()},
                LABELS_FILE: _lines(published.labels if published else ()),
            },
            after={
                CONFIG_FILE: texts["config"],
                **{_host(f"{host}.pbtxt"): text for host, text in texts["host_configs"].items()},
                LABELS_FILE: _lines(texts["labels"]),
            },
        )

    def diff(self) -> str:
        """Return one unified diff after the other; nothing where nothing changes."""
        return "".join(
            _diff(name, self.before.get(name, ""), self.after.get(name, ""))
            for name in {**self.before, **self.after}
        )

    def by_triton(self, state: ModelState, version: int) -> tuple[str, ...]:
        """Return what a server that polls would do about the new version."""
        beside = {*self.before, *self.after} - {CONFIG_FILE}
        changed = any(self.before.get(name, "") != self.after.get(name, "") for name in beside)
        return tuple(
            changes.what_triton_does(
                state.config,
                self.after[CONFIG_FILE],
                state.versions,
                version,
                files_changed=changed,
            )
        )


def _host(name: str) -> str:
    return f"{CONFIGS_FOLDER}/{name}"


def _lines(labels: tuple[str, ...] | list[str]) -> str:
    return "".join(f"{label}\n" for label in labels)


def _diff(name: str, before: str, after: str) -> str:
    return "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            fromfile=f"published {name}" if before else f"no {name}",
            tofile=name if after else f"no {name}",
        )
    )
