"""What is asked of a sweep as a whole: its order, what becomes of the best, and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import cast

from packager.errors import SpecError


class By(Enum):
    """The figure that jobs are compared by."""

    accuracy = "accuracy"
    train_loss = "train_loss"
    samples_per_second = "samples_per_second"
    p99_ms = "p99_ms"
    artifact_bytes = "artifact_bytes"
    seconds = "seconds"

    @property
    def higher_is_better(self) -> bool:
        """Whether the best job has the highest figure."""
        return self in {By.accuracy, By.samples_per_second}

    @property
    def is_of_serving(self) -> bool:
        """Whether it is measured of a served model: a build by itself does not know it."""
        return self in {By.samples_per_second, By.p99_ms}


def objectives(given: object, *, where: str) -> tuple[By, ...]:
    """Return the figures that jobs are compared by, of one name or a list of them.

    Raises:
        SpecError: there is no such figure, one is named twice, or none is.
    """
    several = isinstance(given, Sequence) and not isinstance(given, str)
    names = [str(one) for one in cast("Sequence[object]", given)] if several else [str(given)]
    known = {one.value: one for one in By}
    for name in names:
        if name not in known:
            raise SpecError(
                f"is {'null' if name == 'None' else name or 'empty'}; there is no such choice",
                where=where,
                remedy=f"choose one of {', '.join(known)}, or several: {where}=[accuracy,p99_ms]",
            )
    if not names or len(set(names)) < len(names):
        raise SpecError(
            f"is [{','.join(names)}]",
            where=where,
            remedy=f"name each figure once: {where}=[accuracy,p99_ms]",
        )
    return tuple(known[name] for name in names)


def told(by: Sequence[By]) -> str:
    """Return figures as a sentence names them."""
    names = [one.value for one in by]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


class Promote(Enum):
    """What a sweep of builds publishes: every model under a name of its own, or only the best."""

    none = "none"
    best = "best"


class LeaderboardFormat(Enum):
    """How a sweep's table is printed."""

    text = "text"
    json = "json"
    csv = "csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaderboardTask:
    """Compare the jobs of a sweep, from what they left in its directory."""

    sweep: Path
    by: tuple[By, ...] = (By.accuracy,)
    format: LeaderboardFormat = LeaderboardFormat.text
