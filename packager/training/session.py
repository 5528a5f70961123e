"""One training as it runs: everything that a step changes, and what a checkpoint holds of it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from packager.datasets.samples import first
from packager.datasets.transforms import to_input
from packager.errors import ProofError, SpecError
from packager.spec.training import MemoryFormat, TrainerSpec
from packager.training import distributed, ranks
from packager.training.augmentation import augment
from packager.training.averaging import moving_average
from packager.training.device import require_compiler, uses_bfloat16
from packager.training.evaluate import BATCH_SIZE, answers, evaluate
from packager.training.fused_pooling import training_form
from packager.training.metrics import EpochMetrics, Observer, StepMetrics
from packager.training.optimization import Optimization
from packager.training.selection import split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.datasets.load import Dataset
    from packager.training.checkpoints import Checkpoints
    from packager.training.interruption import Interruption

MEMORY_FORMATS = {
    MemoryFormat.channels_last: torch.channels_last,
    MemoryFormat.contiguous: torch.contiguous_format,
}

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far training has come: `step` steps of `epoch` are done, the last at rate `lr`."""

    epoch: int = 1
    step: int = 0
    loss: float = 0.0
    lr: float = 0.0
    seconds: float = 0.0
    evaluation_seconds: float = 0.0
    epochs: list[EpochMetrics] = field(default_factory=list)
    best_score: float = -1.0
    best_epoch: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    stopped_by: str | None = None
    is_done: bool = False


class Session:
    """One module in training: everything that a step changes."""

    def __init__(
        self,
        module: nn.Module,
        dataset: Dataset,
        spec: TrainerSpec,
        *,
        device: torch.device,
        observer: Observer,
    ) -> None:
        self.spec, self.device, self.observer = spec, device, observer
        self.prepare = functools.partial(to_input, normalize=dataset.normalize)
        self.module = module.to(device).to(memory_format=MEMORY_FORMATS[spec.memory_format])
        train, selection = split(dataset, spec)
        self.train, self.selection = train.to(device), selection.to(device)
        _require_batches(len(train.labels), spec)
        self.steps = steps_per_epoch(len(train.labels), spec.batch_size)
        self.total_steps = min(self.steps * spec.epochs, spec.max_steps or self.steps * spec.epochs)
        self.bfloat16 = uses_bfloat16(spec.precision, device)
        self.optimization = Optimization(self.module, spec, steps=self.total_steps)
        self.average = (
            AveragedModel(
                self.module, multi_avg_fn=moving_average(spec.ema_decay), use_buffers=True
            )
            if spec.ema_decay is not None
            else None
        )
        self.form = distributed.shared(_form(self.module, spec, device), device)
        self.progress = Progress()
        self.sample = first(self.selection, BATCH_SIZE).images
        self.images_per_second = 0.0
        self.clock = self.saved = time.monotonic()

    def run(self, checkpoints: Checkpoints, interruption: Interruption) -> None:
        """Train to the end, to a limit, or to a signal."""
        while not self.progress.is_done:
            for _ in self._epoch_steps():
                self._save_if_due(checkpoints)
                if self._interrupted(interruption):
                    self._save(checkpoints)
                    logger.warning(
                        "stopped at epoch %d, step %d of %d; the same command goes on from there",
                        self.progress.epoch,
                        self.progress.step,
                        self.steps,
                    )
                    interruption.deliver()
                if self._is_out_of_time():
                    # Saved before the epoch is closed: with more minutes it can go on.
                    self._save(checkpoints)
                    self.progress.stopped_by = "trainer.max_minutes"
                    break
            self._close_epoch()
            checkpoints.write_metrics([one.to_json() for one in self.progress.epochs])
            if self.progress.stopped_by is None:
                self._save_if_due(checkpoints, at_once=self.progress.is_done)

    def best_module(self) -> nn.Module:
        """Return the module with its best weights, in evaluation mode."""
        if self.progress.best:
            self.module.load_state_dict(self.progress.best)
        return self.module.eval()

    def resume(self, state: dict[str, Any] | None) -> None:
        """Go on from a checkpoint's state, or from the beginning."""
        if state is None:
            return
        self.module.load_state_dict(state["module"])
        self.optimization.load_state_dict(state["optimization"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        kept = dict(state["progress"])
        kept["epochs"] = [EpochMetrics(**epoch) for epoch in kept["epochs"]]
        self.progress = Progress(**kept)
        for metrics in self.progress.epochs:
            self.observer.epoch(metrics)
        if self.progress.is_done:
            logger.warning("resumed: training was done already")
            return
        logger.warning(
            "resumed at epoch %d of %d, step %d of %d",
            min(self.progress.epoch, self.spec.epochs),
            self.spec.epochs,
            self.progress.step,
            self.steps,
        )

    def _state(self) -> dict[str, Any]:
        bare = dataclasses.replace(self.progress, seconds=self._seconds(), best={})
        return {
            "module": self.module.state_dict(),
            "optimization": self.optimization.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "progress": dataclasses.asdict(bare) | {"best": self.progress.best},
        }

    def _save_if_due(self, checkpoints: Checkpoints, *, at_once: bool = False) -> None:
        if at_once or time.monotonic() - self.saved >= self.spec.checkpoint_seconds:
            self._save(checkpoints)

    def _save(self, checkpoints: Checkpoints) -> None:
        if ranks.is_main():
            checkpoints.save(self._state())
        self.saved = time.monotonic()

    def _seconds(self) -> float:
        """Return how long this training has taken, earlier sessions included."""
        return self.progress.seconds + time.monotonic() - self.clock

    def _interrupted(self, interruption: Interruption) -> bool:
        number = distributed.highest(interruption.requested or 0, self.device)
        if number and interruption.requested is None:
            interruption.requested = number
        return bool(number)

    def _is_out_of_time(self) -> bool:
        limit = self.spec.max_minutes
        if limit is None:
            return False
        late = self._seconds() + self.progress.evaluation_seconds >= 60 * limit
        return bool(distributed.highest(int(late), self.device))

    def _epoch_steps(self) -> Iterator[None]:
        """Take the steps that are left of the epoch; stop after each, and before the first."""
        progress = self.progress
        if progress.step > 0 or progress.epochs:
            yield
        images, started = 0, time.perf_counter()
        with contextlib.closing(self.train.batches(self._orders())) as batches:
            for batch in batches:
                loss = self._step(*batch)
                progress.step += 1
                progress.loss += loss
                images += len(batch[1]) * ranks.size()
                self.images_per_second = images / (time.perf_counter() - started)
                self.observer.step(
                    StepMetrics(
                        epoch=progress.epoch,
                        step=progress.step,
                        steps=self.steps,
                        loss=progress.loss / progress.step,
                        images_per_second=self.images_per_second,
                    )
                )
                yield

    def _orders(self) -> Iterator[torch.Tensor]:
        """Yield the indices of the batches that are left of the epoch, this rank's share."""
        epoch, size = self.progress.epoch, self.spec.batch_size
        generator = torch.Generator().manual_seed(_seed(self.spec.seed, epoch))
        order = torch.randperm(len(self.train.labels), generator=generator)
        end = min(self.steps, self.total_steps - (epoch - 1) * self.steps)
        for step in range(self.progress.step, end):
            yield distributed.my_share(order[step * size : (step + 1) * size])

    def _step(self, images: torch.Tensor, labels: torch.Tensor) -> float:
        """Take one optimizer step; return its loss.

        Every step draws its random numbers from a seed of its own, so that none are kept.
        """
        progress, spec = self.progress, self.spec
        torch.manual_seed(_seed(spec.seed, progress.epoch, progress.step, ranks.rank()))
        self.module.train()
        inputs = self.prepare(augment(images, spec.augmentation))
        self.optimization.zero_grad()
        scores = self._scores(inputs.contiguous(memory_format=MEMORY_FORMATS[spec.memory_format]))
        loss = nn.functional.cross_entropy(
            scores.float(), labels, label_smoothing=spec.label_smoothing
        )
        value = loss.item()
        if distributed.highest(int(not math.isfinite(value)), self.device):
            raise ProofError(
                f"the loss is {value} at epoch {progress.epoch}, step {progress.step + 1}",
                where="trainer",
                remedy="lower trainer.lr or trainer.weight_decay",
            )
        torch.autograd.backward(loss)
        progress.lr = self.optimization.lr
        self.optimization.step()
        if self.average is not None:
            self.average.update_parameters(self.module)
        return value

    def _scores(self, inputs: torch.Tensor) -> torch.Tensor:
        try:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
                scores: torch.Tensor = self.form(inputs)
        except ValueError as error:
            # Batch norm over a single value.
            raise SpecError(
                f"a batch of {len(inputs)} cannot be trained on: {error}",
                where="trainer.batch_size",
                remedy="take larger batches",
            ) from error
        return scores

    def _close_epoch(self) -> None:
        """Evaluate, and keep the weights if they are the best; nothing if no step was taken."""
        progress = self.progress
        if progress.step > 0:
            started = time.monotonic()
            score = self._score() if ranks.is_main() else 0.0
            progress.evaluation_seconds = time.monotonic() - started
            metrics = EpochMetrics(
                epoch=progress.epoch,
                loss=progress.loss / progress.step,
                accuracy=score,
                images_per_second=self.images_per_second,
                lr=progress.lr,
                seconds=self._seconds(),
            )
            progress.epochs.append(metrics)
            self.observer.epoch(metrics)
        done = (progress.epoch - 1) * self.steps + progress.step
        progress.epoch, progress.step, progress.loss = progress.epoch + 1, 0, 0.0
        progress.is_done = done >= self.total_steps or progress.stopped_by is not None

    def _score(self) -> float:
        """Return the accuracy on the selection images; keep the weights if it is the highest."""
        module = self.module if self.average is None else self.average.module
        _require_finite(module.eval(), self.prepare(self.sample), self.progress.epoch)
        score = evaluate(module, self.selection, self.prepare).accuracy
        if score > self.progress.best_score:
            self.progress.best_score, self.progress.best_epoch = score, self.progress.epoch
            self.progress.best = {
                name: value.detach().cpu().clone() for name, value in module.state_dict().items()
            }
        return score


def _form(module: nn.Module, spec: TrainerSpec, device: torch.device) -> nn.Module:
    """Return the module in the form that its steps run in; parameters are shared."""
    if not spec.compile:
        return training_form(module)
    require_compiler(device)
    # The compiler makes steps of its own out of several layers.
    return cast("nn.Module", torch.compile(module))


def _seed(*numbers: int) -> int:
    """Return a seed for torch that differs wherever one of the numbers does."""
    text = "/".join(map(str, numbers))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _require_batches(images: int, spec: TrainerSpec) -> None:
    """Refuse batches and data too small for the number of processes."""
    least = 2 * ranks.size()
    if ranks.size() > 1 and min(images, spec.batch_size) < least:
        raise SpecError(
            f"is {spec.batch_size}, of {images} images; {ranks.size()} processes share a batch",
            where="trainer.batch_size",
            remedy=f"take at least {least}",
        )


def _require_finite(module: nn.Module, inputs: torch.Tensor, epoch: int) -> None:
    """Refuse weights that the epoch's last step broke: no loss was computed with them."""
    if not answers(module, inputs).isfinite().all():
        raise ProofError(
            f"the module answers NaN or infinity after epoch {epoch}",
            where="trainer",
            remedy="lower trainer.lr or trainer.weight_decay",
        )


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return the steps of an epoch; a last batch too small for batch norm is left out."""
    whole, rest = divmod(images, batch_size)
    return max(1, whole + (rest >= 2 * ranks.size()))
