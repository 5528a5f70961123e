"""Jobs to compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.spec.sweeping import By
from packager.sweep.leaderboard import Leaderboard, leaderboard
from packager.sweep.results import DONE, Recorded, Result

if TYPE_CHECKING:
    from collections.abc import Sequence


def job(*overrides: str, accuracy: float | None = None, **more: Any) -> Result:
    """Return a job's result; done unless it is said otherwise."""
    metrics = {} if accuracy is None else {"accuracy": accuracy}
    given = {"status": DONE, "metrics": metrics, "name": "x", "seconds": 2.0, **more}
    return Result(overrides=("model=x", *overrides), **given)


def board(jobs: Sequence[Result], *by: By) -> Leaderboard:
    """Return the jobs compared, each in a directory of its number."""
    return leaderboard(
        [
            Recorded(directory=Path("sweep") / str(number), result=result)
            for number, result in enumerate(jobs)
        ],
        by or (By.accuracy,),
    )
