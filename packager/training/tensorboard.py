"""Training in TensorBoard: an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.utils.tensorboard import SummaryWriter

if TYPE_CHECKING:
    from pathlib import Path

    from packager.training.metrics import EpochMetrics, StepMetrics


class TensorBoard:
    """Writes every epoch's metrics to an event file in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(log_dir=str(folder))

    def step(self, metrics: StepMetrics) -> None:
        """Steps are not written: epochs tell enough."""

    def epoch(self, metrics: EpochMetrics) -> None:
        """Write one epoch."""
        scalars = {
            "loss/train": metrics.loss,
            "accuracy/selection": metrics.accuracy,
            "lr": metrics.lr,
            "images_per_second": metrics.images_per_second,
        }
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, metrics.epoch)
        self._writer.flush()
