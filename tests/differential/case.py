"""A model to judge: its text, its files, and what it was made for."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

NAME = "NAME"
"""Stands in texts for the model's own name, which the judge chooses."""


class Purpose(Enum):
    """Why a case was drawn."""

    breaks = "one violation"
    near_miss = "near-miss"
    valid = "valid"
    several = "several violations"
    text = "text"
    named = "named"


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One model directory, and others beside it.

    `text` is `config.pbtxt`, None for none; bytes that are no UTF-8 are surrogate escapes.
    `files` are by path, a path that ends in / is an empty directory. `suffix` follows the name
    of the directory. `siblings` are further models: what follows NAME -> text.
    """

    text: str | None
    purpose: Purpose
    rule: str = ""
    files: Mapping[str, bytes] = field(default_factory=lambda: {"1/": b""})
    suffix: str = ""
    siblings: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0

    def config(self, name: str) -> bytes | None:
        """Return the content of `config.pbtxt` for a model of that name."""
        return None if self.text is None else encoded(self.text, name)


def encoded(text: str, name: str) -> bytes:
    """Return a text for a model of that name as its file holds it."""
    return text.replace(NAME, name).encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class CaseFiles:
    """A case's model directory, without a disk."""

    name: str
    files: Mapping[str, bytes]

    def directories(self) -> list[str]:
        """The names of its sub-directories, sorted as Triton does."""
        return sorted({path.split("/")[0] for path in self.files if "/" in path}, key=str.encode)

    def entries(self, directory: str) -> list[str]:
        """The names in one of its sub-directories."""
        inside = (p.removeprefix(f"{directory}/") for p in self.files if p.startswith(directory))
        return sorted({path.split("/")[0] for path in inside} - {""})

    def is_directory(self, path: str) -> bool:
        """Whether `path` is a directory."""
        plain = posixpath.normpath(path)
        return plain == "." or any(one.startswith(f"{plain}/") for one in self.files)

    def size(self, path: str) -> int | None:
        """The bytes of a file; None where there is none."""
        content = self.files.get(posixpath.normpath(path))
        return None if content is None else len(content)

    def lines(self, path: str) -> int | None:
        """The lines of a text file; None where there is none."""
        content = self.files.get(posixpath.normpath(path))
        return None if content is None else len(content.splitlines())
