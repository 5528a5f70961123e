"""What is known of training while it runs; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochMetrics:
    """One epoch: mean training loss, accuracy on the selection images in [0, 1], and speed."""

    epoch: int
    loss: float
    accuracy: float
    images_per_second: float
