"""A leaderboard as a picture: the figure over the value that was swept, or a bar a job.

By several figures: the first over the second, with the Pareto front.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from packager.spec.sweeping import By
from packager.sweep import front_plot
from packager.sweep.figure_text import as_percent, label, told
from packager.sweep.leaderboard import figure as figure_of
from packager.sweep.names import short

if TYPE_CHECKING:
    from packager.sweep.leaderboard import Leaderboard, Row

MOST_BARS = 40
"""So many of the best jobs are drawn."""

MOST_TICKS = 10
"""Of more values the axis names only some."""

LONGEST_LABEL = 44

SECONDS_LABEL = "wall time of the job [s]"

SECONDS_COLOUR, FIGURE_COLOUR = "tab:orange", "tab:blue"


def png(board: Leaderboard) -> bytes:
    """Return the picture, with each job's seconds beside its figure."""
    rows = [row for row in board.rows if row.rank is not None]
    key = None if board.has_front else _numeric_key(board, rows)
    has_points = key is not None or board.has_front
    drawn = rows if has_points else rows[:MOST_BARS]
    figure = Figure(figsize=(9, 5.5 if has_points else 1.6 + 0.3 * max(len(drawn), 3)))
    figure.set_layout_engine("constrained")
    FigureCanvasAgg(figure)
    if not rows:
        figure.text(0.5, 0.4, f"no job has {_named(board)}", ha="center")
    elif board.has_front:
        front_plot.draw(figure, board, drawn)
    elif key:
        _line(figure, board, drawn, key)
    else:
        _bars(figure, board, drawn)
    figure.suptitle(_title(board, rows, drawn), fontsize=11)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120)
    return content.getvalue()


def _line(figure: Figure, board: Leaderboard, rows: list[Row], key: str) -> None:
    """Draw the figure over a number that was swept."""
    axes, by = figure.add_subplot(), board.by[0]
    points = sorted(rows, key=lambda row: float(row.swept[key]))
    across = [float(row.swept[key]) for row in points]
    figures = [_figure(board, row) for row in points]
    axes.plot(across, figures, marker="o", color=FIGURE_COLOUR)
    if min(across) > 0 and max(across) / min(across) >= 20:
        axes.set_xscale("log")
    if len(points) <= MOST_TICKS:
        axes.set_xticks(across, [row.swept[key] for row in points])
        axes.set_xticks([], minor=True)
    axes.set_xlabel(key)
    axes.set_ylabel(label(by), color=FIGURE_COLOUR)
    as_percent(axes.yaxis, by)
    axes.grid(visible=True, alpha=0.3)
    if by is not By.seconds:
        beside = axes.twinx()
        seconds = [_seconds(row) for row in points]
        beside.plot(across, seconds, marker="s", linestyle=":", color=SECONDS_COLOUR)
        beside.set_ylim(0, 1.15 * max(seconds) or 1.0)
        beside.set_ylabel(SECONDS_LABEL, color=SECONDS_COLOUR)


def _bars(figure: Figure, board: Leaderboard, rows: list[Row]) -> None:
    """Draw a bar a job, the best on top; where all figures are close, from below the lowest."""
    by = board.by[0]
    has_seconds = by is not By.seconds
    panels = figure.subplots(
        1, 1 + has_seconds, sharey=True, squeeze=False, width_ratios=[3, 1][: 1 + has_seconds]
    )[0]
    places, values = range(len(rows)), [_figure(board, row) for row in rows]
    first = panels[0]
    bars = first.barh(places, values, color=FIGURE_COLOUR, height=0.7)
    first.bar_label(bars, [told(by, value) for value in values], padding=3, fontsize=8)
    first.set_yticks(places, [_name(board, row) for row in rows], fontsize=8)
    first.set_ylim(len(rows) - 0.4, -0.6)
    low, high = _limits(values)
    first.set_xlim(low, high)
    first.set_xlabel(label(by) + (", not from 0" if low > 0 else ""))
    as_percent(first.xaxis, by)
    first.grid(visible=True, axis="x", alpha=0.3)
    if has_seconds:
        seconds = [_seconds(row) for row in rows]
        beside = panels[1].barh(places, seconds, color=SECONDS_COLOUR, height=0.7)
        panels[1].bar_label(beside, [f"{value:,.4g}" for value in seconds], padding=3, fontsize=8)
        panels[1].set_xlim(0, 1.4 * max(seconds) or 1.0)
        panels[1].set_xlabel(SECONDS_LABEL)


def _numeric_key(board: Leaderboard, rows: list[Row]) -> str | None:
    """Return the one key that was swept, where its values are different numbers."""
    if len(board.swept) != 1 or len(rows) < 2:
        return None
    (key,) = board.swept
    try:
        numbers = {float(row.swept[key]) for row in rows}
    except (KeyError, ValueError):
        return None
    return key if len(numbers) == len(rows) and all(map(math.isfinite, numbers)) else None


def _limits(values: list[float]) -> tuple[float, float]:
    """Return where the axis begins and ends: a bar's length from 0, unless all are close."""
    low, high = min(values), max(values)
    if low > 0.8 * high > 0:
        low = low - max(high - low, 0.02 * high)
        return low, high + 0.2 * (high - low)
    return min(low, 0.0), high * 1.15 or 1.0


def _figure(board: Leaderboard, row: Row) -> float:
    value = figure_of(row.result, board.by[0])
    return math.nan if value is None else value


def _seconds(row: Row) -> float:
    return row.result.seconds or 0.0


def _name(board: Leaderboard, row: Row) -> str:
    swept = " ".join(f"{short(key, board.swept)}={value}" for key, value in row.swept.items())
    return swept if len(swept) <= LONGEST_LABEL else f"{swept[: LONGEST_LABEL - 1]}…"


def _named(board: Leaderboard) -> str:
    return " and ".join(map(label, board.by))


def _title(board: Leaderboard, rows: list[Row], drawn: list[Row]) -> str:
    jobs = f"{len(board.rows)} job{'' if len(board.rows) == 1 else 's'}"
    lacking = len(board.rows) - len(rows)
    parts = [f"sweep of {jobs}, by {_named(board)}"]
    if len(drawn) < len(rows):
        parts.append(f"the best {len(drawn)}")
    if lacking:
        parts.append(f"{lacking} without")
    if any(row.result.subset for row in rows):
        parts.append("on a SUBSET of the dataset")
    return ", ".join(parts)
