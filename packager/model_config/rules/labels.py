"""Labels: the file that an output names, inside the model directory, one label a class.

Source: core, src/model.cc (Init), src/label_provider.cc.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Judge, Rule, Severity, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.facts import ModelFiles
    from packager.model_config.rules.rule import Finding

OUTSIDE = Rule(
    id="TRN721",
    wording="label file path '{path}' for output '{output}' in model '{model}' is outside model"
    " directory",
    remedy="put the labels into the model directory",
    judge=Judge.newer_core,
)
MISSING = Rule(
    id="TRN722",
    wording="failed to open text file for read {path}: No such file or directory",
    remedy="put the labels into the model directory, or remove label_filename",
)
COUNT = Rule(
    id="TRN723",
    wording="{file} has {lines} labels, and output '{output}' {size} classes",
    remedy="write one label a line, in the order of the classes",
    judge=Judge.packager,
    severity=Severity.warning,
)
NO_FILE = Rule(
    id="TRN724",
    wording="label_filename '{file}' is a directory: Triton ends when it reads it",
    remedy="name a file with one label a line",
    judge=Judge.abort,
)
RULES = (OUTSIDE, MISSING, COUNT, NO_FILE)


def check(config: Any, model: str, files: ModelFiles | None) -> Iterator[Finding]:
    """Yield outputs whose labels Triton cannot read."""
    for index, output in enumerate(config.output):
        file = output.label_filename
        if not file:
            continue
        place = ("output", index, "label_filename")
        path = Unknown(f"<model directory>/{file}")
        if posixpath.normpath(file.lstrip("/")).split("/")[0] == "..":
            yield OUTSIDE.at(*place, path=path, output=output.name, model=model)
        if files is not None and files.is_directory(file.lstrip("/")):
            yield NO_FILE.at(*place, file=file)
        elif files is not None and files.size(file.lstrip("/")) is None:
            yield MISSING.at(*place, path=path)


def check_count(config: Any, files: ModelFiles | None) -> Iterator[Finding]:
    """Yield label files with another number of lines than the output has classes."""
    if files is None:
        return
    for index, output in enumerate(config.output):
        file, size = output.label_filename, output.dims[-1] if output.dims else -1
        lines = files.lines(file.lstrip("/")) if file else None
        if lines is not None and size > 0 and lines != size:
            yield COUNT.at(
                *("output", index, "label_filename"),
                file=file,
                lines=lines,
                output=output.name,
                size=size,
            )
