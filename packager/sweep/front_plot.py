"""Jobs by several figures as points: the first figure over the second, with the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.sweep.figure_text import as_percent, label
from packager.sweep.leaderboard import figures
from packager.sweep.names import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from packager.spec.sweeping import By
    from packager.sweep.leaderboard import Leaderboard, Row

FRONT_COLOUR, OTHERS_COLOUR = "tab:red", "tab:gray"

MOST_NAMED = 12
"""On a longer front the jobs are told by their numbers alone."""


def draw(figure: Figure, board: Leaderboard, rows: Sequence[Row]) -> None:
    """Draw every job that has all figures, and those of the front by name.

    The line of a front leads to what no job reached in both; of three figures there is none.
    """
    axes, (vertical, across, *more) = figure.add_subplot(), board.by
    front = sorted(board.front, key=lambda row: _place(row, board.by))
    others = [_place(row, board.by) for row in rows if row.rank != 1]
    axes.scatter(*_columns(others), color=OTHERS_COLOUR, label="others")
    points = _columns([_place(row, board.by) for row in front])
    axes.scatter(*points, color=FRONT_COLOUR, zorder=3, label="Pareto front")
    if not more:
        axes.plot(*points, color=FRONT_COLOUR, drawstyle=_steps(across), alpha=0.6)
    axes.margins(0.12)
    _name(axes, board, front)
    axes.set_xlabel(label(across))
    axes.set_ylabel(label(vertical))
    as_percent(axes.xaxis, across)
    as_percent(axes.yaxis, vertical)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="best", fontsize=8)


def _name(axes: Axes, board: Leaderboard, front: Sequence[Row]) -> None:
    """Write what each job is beside its point, towards the middle; neighbours above and below."""
    low, high = axes.get_xlim()
    for index, row in enumerate(front):
        place = _place(row, board.by)
        is_right = place[0] > (low + high) / 2
        swept = " ".join(f"{short(key, board.swept)}={one}" for key, one in row.swept.items())
        axes.annotate(
            swept if swept and len(front) <= MOST_NAMED else row.job,
            place,
            xytext=(-6 if is_right else 6, -12 if index % 2 else 6),
            textcoords="offset points",
            horizontalalignment="right" if is_right else "left",
            fontsize=7,
            color=FRONT_COLOUR,
        )


def _steps(across: By) -> str:
    """Return how a front goes on between two jobs: as the one that satisfies what lies there."""
    return "steps-pre" if across.higher_is_better else "steps-post"


def _columns(places: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [one for one, _ in places], [one for _, one in places]


def _place(row: Row, by: Sequence[By]) -> tuple[float, float]:
    """Return where a job is: across the second figure, up the first."""
    up, across, *_ = figures(row.result, by) or (0.0, 0.0)
    return across, up
