"""What is known of training while it runs and when it is done; imports no torch."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMetrics:
    """One optimizer step of `steps` in its epoch: the mean loss of the epoch so far, and speed."""

    epoch: int
    step: int
    steps: int
    loss: float
    images_per_second: float


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochMetrics:
    """One epoch: mean training loss, accuracy on the selection images in [0, 1], and speed.

    `seconds` are training's so far, earlier sessions and evaluation included.
    """

    epoch: int
    loss: float
    accuracy: float
    images_per_second: float
    lr: float
    seconds: float

    def as_json(self) -> dict[str, float]:
        """Return the epoch as a JSON object."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Return one line of the `metrics.jsonl` that grows while training runs."""
        return json.dumps(self.as_json()) + "\n"


class Observer(Protocol):
    """Who watches training: told of every step and of every epoch."""

    def step(self, metrics: StepMetrics) -> None:
        """One optimizer step is done."""

    def epoch(self, metrics: EpochMetrics) -> None:
        """An epoch is done."""
