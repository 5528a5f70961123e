"""What is asked of a sweep as a whole: its order, what becomes of the best, and its table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


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
    by: By = By.accuracy
    format: LeaderboardFormat = LeaderboardFormat.text
