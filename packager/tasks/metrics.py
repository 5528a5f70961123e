"""A training's metrics, epoch by epoch: what is the same every time, and how long it took."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from packager.spec.job import Stage

if TYPE_CHECKING:
    from packager.stages.walk import Walk

TIMES = ("seconds", "images_per_second")
"""What differs between two trainings of the same: for the manifest's times, not for metrics."""


def metrics_lines(walk: Walk) -> list[str]:
    """Return `metrics.jsonl`, one epoch a line; the same for every training of the same."""
    return [
        json.dumps({key: value for key, value in epoch.items() if key not in TIMES}) + "\n"
        for epoch in _epochs(walk)
    ]


def epoch_times(walk: Walk) -> list[dict[str, Any]]:
    """Return how long each epoch took, and how fast it was."""
    return [{key: epoch[key] for key in ("epoch", *TIMES)} for epoch in _epochs(walk)]


def _epochs(walk: Walk) -> list[dict[str, Any]]:
    return list(walk.value(Stage.train)["epochs"]) if Stage.train in walk.results else []
