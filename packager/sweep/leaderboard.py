"""A sweep's jobs compared: the best first, and what tells each from the others."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.spec.sweeping import By
from packager.sweep import names
from packager.sweep.results import DONE, FAILED, Recorded, Result

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One job: its rank from 1, None without a figure, and the values that tell it from others."""

    rank: int | None
    directory: Path
    swept: Mapping[str, str]
    result: Result

    @property
    def job(self) -> str:
        """The job's number in the sweep."""
        return self.directory.name

    def as_json(self) -> dict[str, Any]:
        """Return everything by name."""
        told = {"rank": self.rank, "job": self.job, "swept": dict(self.swept)}
        return told | dataclasses.asdict(self.result)


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaderboard:
    """A sweep's jobs in their order `by` a figure; those that have none come last."""

    by: By
    rows: tuple[Row, ...]

    @property
    def winner(self) -> Row | None:
        """The best job that is done; of equal ones the first. None where no figure is known."""
        return next((row for row in self.rows if row.rank == 1), None)

    @property
    def is_done(self) -> bool:
        """Whether every job is done."""
        return bool(self.rows) and all(row.result.status == DONE for row in self.rows)

    @property
    def is_whole(self) -> bool:
        """Whether every job came to an end of its own: done or failed."""
        return all(row.result.status in {DONE, FAILED} for row in self.rows)

    @property
    def swept(self) -> tuple[str, ...]:
        """The keys whose values differ between the jobs."""
        return tuple(dict.fromkeys(key for row in self.rows for key in row.swept))

    def as_json(self) -> dict[str, Any]:
        """Return everything by name."""
        return {"by": self.by.value, "jobs": [row.as_json() for row in self.rows]}

    def json_text(self) -> str:
        """Return everything as JSON."""
        return json.dumps(self.as_json(), indent=2) + "\n"

    def csv_text(self) -> str:
        """Return one job a line; a column for each swept key and each figure."""
        metrics = tuple(dict.fromkeys(key for row in self.rows for key in row.result.metrics))
        first = ("rank", "job", "status", *self.swept, "name", "version", "promoted", *metrics)
        last = ("subset", "seconds", "started", "ended", "error", "exit_code")
        text = io.StringIO()
        columns = dict.fromkeys((*first, *last))
        writer = csv.DictWriter(text, list(columns), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in self.rows:
            writer.writerow({**row.result.metrics, **row.swept, **row.as_json()})
        return text.getvalue()


def leaderboard(recorded: Sequence[Recorded], by: By) -> Leaderboard:
    """Return the jobs, which come in the order of their numbers, best first."""
    swept = dict(zip((one.directory for one in recorded), _swept(recorded), strict=True))
    ranked = [one for one in recorded if figure(one.result, by) is not None]
    ranked.sort(key=lambda one: _sort_key(one.result, by))
    others = sorted(
        (one for one in recorded if figure(one.result, by) is None),
        key=lambda one: one.result.status != DONE,
    )
    rows = [
        Row(
            rank=index if index <= len(ranked) else None,
            directory=one.directory,
            swept=swept[one.directory],
            result=one.result,
        )
        for index, one in enumerate((*ranked, *others), start=1)
    ]
    return Leaderboard(by=by, rows=tuple(rows))


def figure(result: Result, by: By) -> float | None:
    """Return what a job is compared by; None where it is not known, or the job is not done."""
    if result.status != DONE:
        return None
    return result.seconds if by is By.seconds else result.metrics.get(by.value)


def _sort_key(result: Result, by: By) -> float:
    value = figure(result, by) or 0.0
    return -value if by.higher_is_better else value


def _swept(recorded: Sequence[Recorded]) -> list[dict[str, str]]:
    """Return of each job the overrides that not all have, by key; of a job alone all of them."""
    given = [names.values(one.result.overrides) for one in recorded]
    common = set.intersection(*(set(values.items()) for values in given)) if given else set()
    if len(given) == 1:
        common = set()
    return [
        {key: value for key, value in values.items() if (key, value) not in common}
        for values in given
    ]
