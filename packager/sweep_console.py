"""What is printed of a sweep: its table, and why jobs failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from packager import console
from packager.spec.sweeping import By
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

TEXTS = {"job", "model/version", "status"}
"""Columns that are not numbers."""


def leaderboard_table(board: Leaderboard) -> Table:
    """Return a sweep's jobs, one a row, the best first, by what tells them apart.

    Columns that no job has anything for are left out.
    """
    has_subset = any(row.result.subset and "accuracy" in row.result.metrics for row in board.rows)
    table = Table(
        title=f"Sweep, best first by {board.by.value}" if board.winner else "Sweep",
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


def _cells(board: Leaderboard, row: Row) -> dict[str, str]:
    """Return what is told of a job, by column."""
    result = row.result
    told = " ".join(f"{short(key, board.swept)}={value}" for key, value in row.swept.items())
    version = "" if result.version is None else f"/{result.version}"
    accuracy, value = result.metrics.get("accuracy"), figure(result, board.by)
    part = "*" if result.subset else ""
    by = {TITLES[board.by]: "" if value is None else f"{value:,.4g}"} if board.by in TITLES else {}
    colour = {DONE: "green", RUNNING: "yellow"}.get(result.status, "red")
    status = "promoted" if result.promoted and result.status == DONE else result.status
    return {
        "#": str(row.rank or ""),
        "job": escape(told or row.job),
        "model/version": escape(f"{result.name}{version}"),
        "accuracy": "" if accuracy is None else f"{accuracy:.2%}{part}",
        **by,
        "seconds": "" if result.seconds is None else f"{result.seconds:,.1f}",
        "status": f"[{colour}]{status}[/]",
    }


def print_failures(board: Leaderboard) -> None:
    """Repeat why jobs failed: what was told when they did has scrolled away."""
    for row in board.rows:
        if row.result.error:
            overrides = escape(" ".join(row.result.overrides))
            console.err.print(f"[red]{overrides}[/]: {escape(row.result.error)}")
