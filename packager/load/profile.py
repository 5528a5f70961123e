"""What a model was measured to do at each point, which point is best, and what limits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from packager.load.timings import Timings

BUSY = 0.9
"""A client's thread, or all processors, that are busier leave no more to be had."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One measurement: `instances` None is as served.

    `queue_ms` and `compute_ms` are the server's own means for a request. `processors_busy` is of
    all of this host's, in [0, 1].
    """

    batch: int
    concurrency: int
    instances: int | None
    timings: Timings
    queue_ms: float
    compute_ms: float
    processors_busy: float

    @property
    def limit(self) -> str:
        """What keeps the throughput from being higher."""
        if self.timings.client_share >= BUSY:
            return "client"
        if self.processors_busy >= BUSY:
            return "processors"
        if self.queue_ms > self.compute_ms:
            return "instances"
        return "concurrency"

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {
            "batch": self.batch,
            "concurrency": self.concurrency,
            "instances": self.instances,
            **self.timings.as_json(),
            "queue_ms": round(self.queue_ms, 3),
            "compute_ms": round(self.compute_ms, 3),
            "processors_busy": round(self.processors_busy, 3),
            "limit": self.limit,
        }


LIMITS = {
    "client": "this client's one thread is busy all the time",
    "processors": "this host's processors are busy all the time",
    "instances": "requests wait for an instance of the model",
    "concurrency": "nothing is busy all the time: more requests at once may give more",
}
"""What each limit means."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The measured points of a model, of so many, and the latency budget; None for none."""

    model: str
    version: int
    protocol: str
    points: tuple[Point, ...]
    asked: int
    p99_ms: float | None

    @property
    def is_partial(self) -> bool:
        """Whether points are missing that were to be measured."""
        return len(self.points) < self.asked

    @property
    def best(self) -> Point | None:
        """The point of the highest throughput within the budget; None where none is."""
        within = [point for point in self.points if self.is_within(point)]
        return max(within, key=lambda point: point.timings.samples_per_second, default=None)

    def is_within(self, point: Point) -> bool:
        """Return whether a point keeps the budget."""
        return self.p99_ms is None or point.timings.latency_ms(99) <= self.p99_ms

    def as_json(self) -> dict[str, Any]:
        """Return everything by name."""
        best = self.best
        return {
            "model": self.model,
            "version": self.version,
            "protocol": self.protocol,
            "partial": self.is_partial,
            "points_asked": self.asked,
            "p99_budget_ms": self.p99_ms,
            "best": None if best is None else best.as_json(),
            "points": [point.as_json() for point in self.points],
        }
