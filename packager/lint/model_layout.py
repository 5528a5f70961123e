"""A model directory before any config is understood: names, links, files that are not read."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from packager.lint.configs import CONFIG, VARIANTS
from packager.lint.disk import Kind
from packager.model_config import parse
from packager.model_config.rules import backend_fields, layout, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.lint.disk import Entry, ModelDirectory
    from packager.model_config.rules.facts import Host
    from packager.model_config.rules.rule import Finding

_ADDRESSABLE = re.compile(r"[A-Za-z0-9_.~-]*")
_NEARLY = re.compile(
    r"config\.?(pbtxt|pbtext|pbtx|pb\.txt|prototxt|proto|pb|txt|textproto)?(\.txt)?"
)
_SHOWN = 3


def check_layout(files: ModelDirectory) -> Iterator[tuple[str, Finding]]:
    """Yield what is wrong with a model's directory, with the name in it that it is about."""
    if not _ADDRESSABLE.fullmatch(files.name):
        strange = sorted(set(re.sub(r"[A-Za-z0-9_.~-]", "", files.name)))
        characters = ", ".join(map(repr, strange))
        yield "", layout.UNREACHABLE_NAME.at(model=files.name, characters=characters)
    for entry in files.top.values():
        yield from _check_entry(files, entry, entry.name)
        if entry.kind is Kind.directory and entry.name not in versions.RESERVED:
            for inner in files.inside(entry.name).values():
                yield from _check_entry(files, inner, f"{entry.name}/{inner.name}")
    has_config = CONFIG in files.top
    for name in files.top:
        if not has_config and is_nearly_config(name):
            yield name, layout.MISNAMED_CONFIG.at(expected=CONFIG, file=name)
    for name in files.inside(VARIANTS) if VARIANTS in files.top else ():
        stem = name.partition(".")[0]
        if name != f"{stem}.pbtxt" and is_nearly_config(f"config.{name.partition('.')[2]}"):
            file = f"{VARIANTS}/{name}"
            yield file, layout.MISNAMED_CONFIG.at(expected=f"{VARIANTS}/{stem}.pbtxt", file=file)


def without_config(files: ModelDirectory, host: Host) -> Iterator[Finding]:
    """Yield why a directory without a config is no model; nothing where Triton needs none."""
    inside = [one for one in files.directories() if CONFIG in files.entries(one)]
    known = backend_fields.infer(parse.schema().ModelConfig(), files)
    numbered = versions.present(files.directories()).numbers
    if inside:
        more = ", ..." if len(inside) > _SHOWN else ""
        models = ", ".join(inside[:_SHOWN]) + more
        yield layout.TOO_DEEP.at(directory=files.name, models=models)
    elif not numbered and not any(known.file in files.entries(one) for one in files.directories()):
        yield layout.NO_MODEL.at(directory=files.name)
    elif not host.auto_complete:
        yield layout.NO_CONFIG.at(directory=files.name)


def is_nearly_config(name: str) -> bool:
    """Return whether somebody meant config.pbtxt."""
    return name != CONFIG and _NEARLY.fullmatch(name.lower()) is not None


def _check_entry(files: ModelDirectory, entry: Entry, place: str) -> Iterator[tuple[str, Finding]]:
    if not entry.is_link:
        return
    path = os.path.join(files.path, place)  # noqa: PTH118
    if entry.kind is Kind.nothing:
        # In a version directory it is the backend that does not find the file.
        if "/" not in place:
            yield place, layout.BROKEN_LINK.at(path=f"{files.name}/{place}")
        return
    root = os.path.realpath(os.path.dirname(files.path))  # noqa: PTH120
    target = os.path.realpath(path)
    if os.path.commonpath([root, target]) != root:
        yield place, layout.LINK_OUT.at(link=f"{files.name}/{place}", target=target)
