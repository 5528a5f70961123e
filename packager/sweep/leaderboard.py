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
from packager.sweep import names, pareto
from packager.sweep.results import DONE, FAILED, Recorded, Result

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One job: its rank from 1, None without a figure, and the values that tell it from others.

    By several figures the rank is that of the front which the job is on: 1 is the Pareto front.
    """

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
    """A sweep's jobs in their order `by` one or several figures; those that lack one come last."""

    by: tuple[By, ...]
    rows: tuple[Row, ...]

    @property
    def has_front(self) -> bool:
        """Whether jobs are compared by several figures, so that none is the best in all."""
        return len(self.by) > 1

    @property
    def front(self) -> tuple[Row, ...]:
        """The jobs of rank 1: by several figures those that no other is better than."""
        return tuple(row for row in self.rows if row.rank == 1)

    @property
    def winner(self) -> Row | None:
        """The best job that is done; of equal ones the first. None where no figure is known.

        Nor is there one by several figures.
        """
        return None if self.has_front else next(iter(self.front), None)

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
        names = [one.value for one in self.by]
        return {
            "by": names if self.has_front else names[0],
            "jobs": [row.as_json() | self._on_front(row) for row in self.rows],
        }

    def json_text(self) -> str:
        """Return everything as JSON."""
        return json.dumps(self.as_json(), indent=2) + "\n"

    def csv_text(self) -> str:
        """Return one job a line; a column for each swept key and each figure."""
        metrics = tuple(dict.fromkeys(key for row in self.rows for key in row.result.metrics))
        front = ("pareto",) if self.has_front else ()
        own = (*self.swept, "name", "version", "promoted")
        first = ("rank", *front, "job", "status", *own, *metrics)
        last = ("subset", "seconds", "started", "ended", "error", "exit_code")
        text = io.StringIO()
        columns = dict.fromkeys((*first, *last))
        writer = csv.DictWriter(text, list(columns), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for row in self.rows:
            told = row.as_json() | self._on_front(row)
            writer.writerow({**row.result.metrics, **row.swept, **told})
        return text.getvalue()

    def _on_front(self, row: Row) -> dict[str, bool]:
        return {"pareto": row.rank == 1} if self.has_front else {}


def leaderboard(recorded: Sequence[Recorded], by: tuple[By, ...]) -> Leaderboard:
    """Return the jobs, which come in the order of their numbers, best first."""
    swept = dict(zip((one.directory for one in recorded), _swept(recorded), strict=True))
    placed = _placed(recorded, by)
    others = sorted(
        (one for one in recorded if figures(one.result, by) is None),
        key=lambda one: one.result.status != DONE,
    )
    rows = [
        Row(
            rank=rank,
            directory=one.directory,
            swept=swept[one.directory],
            result=one.result,
        )
        for rank, one in (*placed, *((None, other) for other in others))
    ]
    return Leaderboard(by=by, rows=tuple(rows))


def figures(result: Result, by: Sequence[By]) -> tuple[float, ...] | None:
    """Return all that a job is compared by; None where one is not known, or it is not done."""
    found = [value for one in by if (value := figure(result, one)) is not None]
    return tuple(found) if len(found) == len(by) else None


def figure(result: Result, by: By) -> float | None:
    """Return what a job is compared by; None where it is not known, or the job is not done."""
    if result.status != DONE:
        return None
    return result.seconds if by is By.seconds else result.metrics.get(by.value)


def _placed(recorded: Sequence[Recorded], by: Sequence[By]) -> list[tuple[int, Recorded]]:
    """Return the jobs that have all figures, best first, each with its rank."""
    found = [(_costs(one.result, by), one) for one in recorded]
    known = sorted(
        ((costs, one) for costs, one in found if costs is not None), key=lambda pair: pair[0]
    )
    if len(by) == 1:
        return [(rank, one) for rank, (_, one) in enumerate(known, start=1)]
    ranks = pareto.ranks([costs for costs, _ in known])
    return sorted(
        ((rank, one) for rank, (_, one) in zip(ranks, known, strict=True)), key=lambda pair: pair[0]
    )


def _costs(result: Result, by: Sequence[By]) -> tuple[float, ...] | None:
    """Return what a job is compared by as numbers of which the lower ones are better."""
    known = figures(result, by)
    if known is None:
        return None
    return tuple(
        -value if one.higher_is_better else value for one, value in zip(by, known, strict=True)
    )


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
