"""The average of a module's weights over its last steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim.swa_utils import get_ema_multi_avg_fn

Average = Callable[[Any, Any, Any], None]
"""Changes averaged tensors by current ones, given how many steps are in already."""


def moving_average(decay: float) -> Average:
    """Return an exponential moving average that keeps `decay` of itself at each step.

    The first steps keep less, (1 + n) / (10 + n) after n of them: else the initial weights would
    weigh for epochs. Source: TensorFlow's `ExponentialMovingAverage`, `num_updates`.
    """

    def update(averaged: Any, current: Any, steps: Any) -> None:
        count = int(steps)
        now = min(decay, (1 + count) / (10 + count))
        get_ema_multi_avg_fn(now)(averaged, current, steps)  # type: ignore[no-untyped-call]

    return update
