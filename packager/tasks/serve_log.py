"""What a person who serves wants to know of the server's log, in lines to be printed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from packager.lint import explain
from packager.server import triton_log
from packager.tasks.served import why

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packager.server.log_entries import Entry

_LOADING = re.compile(r"loading: (?P<model>.+):(?P<version>\d+)")
_LOADED = re.compile(r"successfully loaded '(?P<model>.+)'")
_UNLOADED = re.compile(r"successfully unloaded '(?P<model>.+)' version (?P<version>\d+)")
_CREATING = "ERROR: Failed to create instance: "
"""Stands before a failed load's own entry, which says the same and whose it is."""
_NOISE = (
    _CREATING,
    *explain.NOISE,
    "Unable to allocate pinned system memory",
    "DCGM unable to start",
    "failed to load all models",
)
"""In every log of a host without GPUs, or told of each model before."""
_MOST_TOLD = 1_000
_WORDS = {"W": "warning", "E": "error", "F": "fatal"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line to be printed; `level` is empty for what went well."""

    time: datetime
    level: str
    text: str


@dataclass
class Telling:
    """What was told already: Triton says the same at every poll, people need it once."""

    loading: dict[str, str] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def lines(self, entries: Iterable[Entry], *, models: bool = True) -> Iterator[Line]:
        """Yield what is new; without `models` not what became of models, for a table tells it."""
        for entry in entries:
            text, level, of_model = self._text(entry)
            if text and (models or not of_model):
                yield Line(time=entry.time, level=level, text=text)

    def _text(self, entry: Entry) -> tuple[str, str, bool]:
        """Return what to tell, how grave it is, and whether it is about a model's load."""
        message = entry.message
        if found := _LOADING.fullmatch(message):
            self.loading[found["model"]] = found["version"]
        elif found := _LOADED.fullmatch(message):
            self._forget(found["model"])
            version = self.loading.pop(found["model"], "")
            return f"{found['model']} {version} is ready".replace("  ", " "), "", True
        elif found := _UNLOADED.fullmatch(message):
            return f"{found['model']} {found['version']} is unloaded", "", True
        elif failed := triton_log.failure(message):
            model, reason = failed
            text = f"{model} is not ready: {why(reason)}"
            return self._once(text), _WORDS.get(entry.level, "error"), True
        elif entry.level in _WORDS and not any(noise in message for noise in _NOISE):
            return self._once(message.strip()), _WORDS[entry.level], False
        return "", "", False

    def _once(self, text: str) -> str:
        if text in self.told:
            return ""
        if len(self.told) >= _MOST_TOLD:
            self.told.clear()
        self.told.add(text)
        return text

    def _forget(self, model: str) -> None:
        """A model that loads may fail again, and that is news."""
        self.told -= {text for text in self.told if text.startswith(f"{model} ")}
