"""`task=leaderboard`: a sweep's jobs in one table, from what they left in its directory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from packager import console, output_file, sweep_console
from packager.errors import SpecError
from packager.spec.sweeping import LeaderboardFormat
from packager.sweep import results
from packager.sweep.leaderboard import Leaderboard, leaderboard

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from packager.spec.job import Job
    from packager.spec.sweeping import By, LeaderboardTask

CSV, JSON, PICTURE = "leaderboard.csv", "leaderboard.json", "leaderboard.png"


def run(_job: Job, task: LeaderboardTask) -> None:
    """Print the table, and write it into the sweep's directory; the sweep may still be running.

    Raises:
        SpecError: there are no results.
        UnavailableError: the files cannot be written.
    """
    board = made(task.sweep, task.by)
    if not board.rows:
        raise SpecError(
            f"{task.sweep} holds no results of a sweep",
            where="task.sweep",
            remedy="name the directory with the jobs' folders, each of which has a"
            f" {results.FILE}: multirun/DATE/TIME",
        )
    match task.format:
        case LeaderboardFormat.json:
            console.out.print(json.dumps(board.as_json(), indent=2), markup=False)
        case LeaderboardFormat.csv:
            console.out.print(board.csv_text(), markup=False, end="")
        case LeaderboardFormat.text:
            tell(board, to=console.out)
    write(board, task.sweep, where="task.sweep")


def made(sweep: Path, by: tuple[By, ...]) -> Leaderboard:
    """Return the jobs of a sweep as they stand, best first."""
    return leaderboard(results.read_all(sweep), by)


def tell(board: Leaderboard, *, to: Console) -> None:
    """Print the table, and why jobs failed."""
    to.print(sweep_console.leaderboard_table(board))
    sweep_console.print_failures(board)


def write(board: Leaderboard, sweep: Path, *, where: str) -> None:
    """Write the table into the sweep's directory, as JSON, CSV and a picture.

    Raises:
        UnavailableError: the files cannot be written.
    """
    # Imported here: it takes a second.
    from packager.sweep import plot  # noqa: PLC0415

    files = {
        JSON: board.json_text().encode(),
        CSV: board.csv_text().encode(),
        PICTURE: plot.png(board),
    }
    for name, content in files.items():
        output_file.write(sweep / name, content, where=where)
