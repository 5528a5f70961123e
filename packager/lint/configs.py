"""The config files of a model: which there are, and the text in each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packager.lint.disk import Kind
from packager.model_config import parse, unreadable
from packager.model_config.rules import layout
from packager.model_config.rules.rule import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.lint.disk import ModelDirectory

CONFIG = "config.pbtxt"
VARIANTS = "configs"
LARGEST_BYTES = 4 * 2**20
_NOT_UTF8 = "Couldn't parse string: 'utf-8' codec"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A config file, by its name in the model directory; `host` chooses it, empty for all."""

    file: str
    host: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong with a config file as such; `note` goes on where the finding's words end."""

    finding: Finding
    note: str = ""
    advice: str = ""
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Read:
    """A config file's text and message; no message where it holds none."""

    text: str
    config: Any | None
    problems: tuple[Problem, ...] = ()


def sources(files: ModelDirectory) -> Iterator[Source]:
    """Yield the files that a server may take for the model's config.

    `--model-config-name=HOST` makes it take configs/HOST.pbtxt where there is one.
    """
    if CONFIG in files.top and files.top[CONFIG].kind is not Kind.nothing:
        yield Source(file=CONFIG)
    for name, entry in files.inside(VARIANTS).items() if VARIANTS in files.top else ():
        if name.endswith(".pbtxt") and entry.kind is not Kind.nothing:
            yield Source(file=f"{VARIANTS}/{name}", host=name.removesuffix(".pbtxt"))


def read(files: ModelDirectory, file: str) -> Read:
    """Read one config file; whatever is wrong with it is a problem, never an error."""
    if files.is_directory(file):
        return _unread(layout.CONFIG_IS_DIRECTORY.at(file=file))
    size = files.size(file)
    if size is not None and size > LARGEST_BYTES:
        return _unread(layout.TOO_LARGE.at(file=file, size=size))
    if size is not None and not files.is_regular(file):
        return _unread(layout.NO_ACCESS.at(file=file, problem="it is a pipe or a device"))
    try:
        with open(os.path.join(files.path, file), "rb") as opened:  # noqa: PTH118, PTH123  speed
            raw = opened.read(LARGEST_BYTES)
    except OSError as error:
        return _unread(layout.NO_ACCESS.at(file=file, problem=error.strerror or error))
    try:
        return _parsed(raw.decode(), file)
    except UnicodeDecodeError as error:
        text = raw.decode(errors="replace")
        line = raw.count(b"\n", 0, error.start) + 1
        problem = f"byte {raw[error.start]:#x} in line {line}"
        finding = layout.NO_UTF8.at(file=file, problem=problem)
        found = _parsed(text, file)
        problems = (Problem(finding=finding, line=line, column=1), *found.problems)
        return Read(text=text, config=found.config, problems=problems)


def _parsed(text: str, file: str) -> Read:
    if text.startswith("\ufeff"):
        note = "it begins with a byte order mark, which Triton does not take"
        return _refused(text, note, line=1, column=1)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return _refused(text, "Invalid control characters encountered in text.", line=line)
    try:
        return Read(text=text, config=parse.read(text))
    except parse.TextError as error:
        if error.problem.startswith(_NOT_UTF8):
            finding = layout.NO_UTF8.at(file=file, problem="an escaped byte in a string")
            problem = Problem(finding=finding, line=error.line, column=error.column)
            return Read(text=text, config=None, problems=(problem,))
        note = f"{error.problem}{_template(text, error.line)}"
        return _refused(text, note, line=error.line, column=error.column)


def _template(text: str, line: int) -> str:
    """Return a hint where a line still has what a template's engine should have replaced."""
    found = unreadable.VARIABLE.search(text.split("\n")[line - 1]) if text else None
    return f" '{found[0]}' looks like a variable that nothing has replaced." if found else ""


def _refused(text: str, note: str, *, line: int, column: int = 1) -> Read:
    finding = layout.UNREADABLE.at(path=layout.UNKNOWN_PATH)
    advice = unreadable.remedy(note, text=text, line=line, column=column)
    problem = Problem(finding=finding, note=note, advice=advice, line=line, column=column)
    return Read(text=text, config=None, problems=(problem,))


def _unread(finding: Finding) -> Read:
    return Read(text="", config=None, problems=(Problem(finding=finding),))
