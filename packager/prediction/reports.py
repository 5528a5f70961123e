"""Predictions as a table, as JSON, as CSV."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from packager import console, output_file
from packager.lint import pipe
from packager.lint.located import shown
from packager.prediction.scores import Class
from packager.spec.asking import PredictionFormat

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DIGITS = 6
"""Of a probability, in JSON and CSV: Triton gives scores with as many."""

FILE_WIDTH = 120
"""Columns of a table in a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What a picture shows, the most probable class first; or why nobody knows."""

    file: str
    classes: tuple[Class, ...] = ()
    error: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictions:
    """What was asked and answered; no model was asked if no picture was there."""

    of: tuple[Prediction, ...]
    top: int
    model: str | None = None
    version: int | None = None

    @property
    def failed(self) -> int:
        """How many pictures were not classified."""
        return sum(bool(one.error) for one in self.of)


def write(found: Predictions, form: PredictionFormat, path: Path | None) -> None:
    """Write predictions to a file, or to standard output."""
    if path is not None:
        output_file.write(path, _text(found, form).encode(), where="task.output")
    elif form is PredictionFormat.table:
        console.out.print(_table(found))
    else:
        _print(_text(found, form))


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise SystemExit(pipe.reader_is_gone()) from None


def _text(found: Predictions, form: PredictionFormat) -> str:
    match form:
        case PredictionFormat.json:
            return _json(found)
        case PredictionFormat.csv:
            return _csv(found)
        case PredictionFormat.table:
            printed = io.StringIO()
            Console(file=printed, width=FILE_WIDTH, highlight=False).print(_table(found))
            return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


def _table(found: Predictions) -> Table:
    title = f"{found.model} version {found.version}" if found.model else "Predictions"
    table = Table(title=escape(title), title_justify="left")
    table.add_column("file", style="bold", overflow="fold")
    table.add_column("label", overflow="fold")
    table.add_column("probability", justify="right")
    if found.top > 1:
        table.add_column("next", overflow="fold")
    for one in found.of:
        table.add_row(escape(shown(one.file)), *_cells(one))
    return table


def _cells(one: Prediction) -> list[str]:
    if one.error:
        return [f"[red]{escape(shown(one.error))}[/]"]
    first, *others = one.classes
    told = ", ".join(f"{shown(other.label)} {other.probability:.1%}" for other in others)
    return [
        escape(shown(first.label)),
        f"{first.probability:.2%}",
        *([escape(told)] if told else ()),
    ]


def _json(found: Predictions) -> str:
    whole = {
        "model": found.model,
        "version": found.version,
        "predictions": [_object(one) for one in found.of],
    }
    return json.dumps(whole, indent=2) + "\n"


def _object(one: Prediction) -> dict[str, object]:
    if one.error:
        return {"file": one.file, "error": one.error}
    top = [_class(found) for found in one.classes]
    return {"file": one.file, **top[0], "top": top}


def _class(found: Class) -> dict[str, object]:
    return {
        "label": found.label,
        "index": found.index,
        "probability": round(found.probability, DIGITS),
    }


def _csv(found: Predictions) -> str:
    """Return a row for each picture; the classes after the first have numbered columns."""
    written = io.StringIO()
    keys = ("label", "index", "probability")
    more = [f"{key}_{place}" for place in range(2, _most_classes(found) + 1) for key in keys]
    rows = csv.DictWriter(written, ["file", *keys, "error", *more], lineterminator="\n")
    rows.writeheader()
    rows.writerows(_row(one) for one in found.of)
    return written.getvalue().encode(errors="replace").decode()


def _row(one: Prediction) -> Mapping[str, object]:
    row: dict[str, object] = {"file": one.file, "error": one.error}
    for place, found in enumerate(one.classes, start=1):
        suffix = "" if place == 1 else f"_{place}"
        row |= {f"{key}{suffix}": value for key, value in _class(found).items()}
    return row


def _most_classes(found: Predictions) -> int:
    return max((len(one.classes) for one in found.of), default=1)
