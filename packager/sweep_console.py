"""What is printed of a sweep: its table, and why jobs failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from packager import console
from packager.spec.sweeping import By, told
from packager.sweep.leaderboard import figure
from packager.sweep.names import short
from packager.sweep.results import DONE, RUNNING

if TYPE_CHECKING:
    from packager.sweep.leaderboard import Leaderboard, Row

TITLES = {
    By.train_loss: "train loss",
    By.samples_per_second: "samples/s",
    By.p99_ms: "p99 ms",
    By.artifact_bytes: "bytes",
}
"""Columns beside accuracy and seconds, which are told whatever jobs are compared by."""

FRONT = "front"
"""The column that marks the Pareto front."""

TEXTS = {FRONT, "job", "model/version", "status"}
"""Columns that are not numbers."""


def leaderboard_table(board: Leaderboard) -> Table:
    """Return a sweep's jobs, one a row, the best first, by what tells them apart.

    Columns that no job has anything for are left out.
    """
    has_subset = any(row.result.subset and "accuracy" in row.result.metrics for row in board.rows)
    table = Table(
        title=_title(board),
        caption="* on a SUBSET of the dataset" if has_subset else None,
        title_justify="left",
        caption_justify="left",
    )
    cells = [_cells(board, row) for row in board.rows]
    for name in cells[0] if cells else ():
        if any(row[name] for row in cells):
            is_number = name not in TEXTS
            table.add_column(
                name,
                justify="right" if is_number else "left",
                no_wrap=is_number,
                overflow="fold",
            )
    for row in cells:
        table.add_row(*(row[str(column.header)] for column in table.columns))
    return table


def _title(board: Leaderboard) -> str:
    if not board.front:
        return "Sweep"
    if board.has_front:
        return f"Sweep by {told(board.by)}, the Pareto front (●) first"
    return f"Sweep, best first by {told(board.by)}"


def _cells(board: Leaderboard, row: Row) -> dict[str, str]:
    """Return what is told of a job, by column."""
    result = row.result
    swept = " ".join(f"{short(key, board.swept)}={value}" for key, value in row.swept.items())
    version = "" if result.version is None else f"/{result.version}"
    accuracy, part = result.metrics.get("accuracy"), "*" if result.subset else ""
    by = {TITLES[one]: _number(figure(result, one)) for one in board.by if one in TITLES}
    colour = {DONE: "green", RUNNING: "yellow"}.get(result.status, "red")
    status = "promoted" if result.promoted and result.status == DONE else result.status
    return {
        "#": str(row.rank or ""),
        FRONT: "●" if board.has_front and row.rank == 1 else "",
        "job": escape(swept or row.job),
        "model/version": escape(f"{result.name}{version}"),
        "accuracy": "" if accuracy is None else f"{accuracy:.2%}{part}",
        **by,
        "seconds": "" if result.seconds is None else f"{result.seconds:,.1f}",
        "status": f"[{colour}]{status}[/]",
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def print_failures(board: Leaderboard) -> None:
    """Repeat why jobs failed: what was told when they did has scrolled away."""
    for row in board.rows:
        if row.result.error:
            overrides = escape(" ".join(row.result.overrides))
            console.err.print(f"[red]{overrides}[/]: {escape(row.result.error)}")
