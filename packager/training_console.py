"""What is printed of a module and of its training: layers, progress, classes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from packager.console import LINE_SECONDS, err

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.architectures.summary import LayerSummary  # brings in torch
    from packager.training.evaluate import Evaluation
    from packager.training.metrics import EpochMetrics, StepMetrics

WIDE = 110
"""Columns that a terminal needs for the whole of the progress display."""

MOST_CLASSES = 20
"""How many classes a table shows; of more, those that are recognised worst."""


class TrainingProgress:
    """Shows training: a bar on a terminal, a line an epoch anywhere."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._line_at = time.monotonic() + LINE_SECONDS
        self._is_wide = err.width >= WIDE
        self._bar = Progress(
            TextColumn("   train  epoch {task.fields[epoch]}"),
            *((BarColumn(), MofNCompleteColumn()) if self._is_wide else ()),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._task = self._bar.add_task("train", total=None, epoch=f"1/{epochs}", state="")
        self._accuracy = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def step(self, metrics: StepMetrics) -> None:
        """Move the bar: it runs over all epochs, so that the time left is the whole training's."""
        state = f"loss {metrics.loss:.4f}"
        if self._is_wide or not err.is_terminal:
            state += f"{self._accuracy}  {metrics.images_per_second:,.0f} images/s"
        self._bar.update(
            self._task,
            completed=(metrics.epoch - 1) * metrics.steps + metrics.step,
            total=self._epochs * metrics.steps,
            epoch=f"{metrics.epoch}/{self._epochs}",
            state=state,
        )
        if not err.is_terminal and time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + LINE_SECONDS
            place = f"epoch {metrics.epoch}/{self._epochs}  step {metrics.step}/{metrics.steps}"
            err.print(f"          {place}  {state}")

    def epoch(self, metrics: EpochMetrics) -> None:
        """Print an epoch's line."""
        self._line_at = time.monotonic() + LINE_SECONDS
        self._accuracy = f"  accuracy {metrics.accuracy:.2%}"
        err.print(
            f"          epoch {metrics.epoch}/{self._epochs}  loss {metrics.loss:.4f}"
            f"{self._accuracy}  {metrics.images_per_second:,.0f} images/s"
        )


def layer_table(layers: Sequence[LayerSummary]) -> Table:
    """Return every layer's output shape for one sample, its parameters and its FLOPs."""
    whole, *parts = layers
    table = Table(
        title=f"{whole.parameters:,} parameters, {whole.flops / 1e6:,.1f} MFLOP a sample",
        title_justify="left",
    )
    table.add_column("layer")
    table.add_column("output shape")
    table.add_column("parameters", justify="right")
    table.add_column("MFLOP", justify="right")
    for layer in parts or [whole]:
        table.add_row(
            "  " * (layer.depth - 1) + escape(layer.kind),
            str(list(layer.output_shape)) if layer.output_shape else "",
            f"{layer.parameters:,}" if layer.parameters else "",
            f"{layer.flops / 1e6:,.2f}" if layer.flops else "",
        )
    return table


def class_table(evaluation: Evaluation, classes: Sequence[str]) -> Table:
    """Return each class's accuracy on the test set, and what it is most often taken for."""
    rows = sorted(
        zip(classes, evaluation.class_accuracies, evaluation.confusion, strict=True),
        key=lambda row: 2.0 if row[1] is None else row[1],
    )
    title = "Test accuracy by class"
    if len(rows) > MOST_CLASSES:
        title += f": the {MOST_CLASSES} worst of {len(rows)}"
    table = Table(title=title, title_justify="left")
    for column in ("class", "images", "accuracy", "most often taken for"):
        table.add_column(column, justify="right" if column in {"images", "accuracy"} else "left")
    for name, accuracy, counts in rows[:MOST_CLASSES]:
        label = classes.index(name)
        wrong = [(count, other) for other, count in enumerate(counts) if other != label and count]
        taken = f"{escape(classes[max(wrong)[1]])} ({max(wrong)[0]:,})" if wrong else ""
        shown = "" if accuracy is None else f"{accuracy:.2%}"
        table.add_row(escape(name), f"{sum(counts):,}", shown, taken)
    return table
