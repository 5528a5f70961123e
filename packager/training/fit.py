"""The training loop: images kept as tensors on the device, the best epoch's weights returned."""

from __future__ import annotations

import copy
import math
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn

from packager.datasets.load import Dataset, Split
from packager.datasets.transforms import to_float
from packager.errors import ProofError, SpecError, UnavailableError
from packager.spec.training import Device, Optimizer, Schedule, Selection, TrainerSpec
from packager.training.evaluate import BATCH_SIZE, accuracy, predict
from packager.training.metrics import EpochMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A trained module in evaluation mode on the CPU, and what is known of it."""

    module: nn.Module
    epochs: tuple[EpochMetrics, ...]
    best_epoch: int
    test_accuracy: float
    seconds: float


class Observer(Protocol):
    """Who watches training: told of every step and of every epoch."""

    def step(self, epoch: int, step: int, steps: int) -> None:
        """One optimizer step of `steps` is done."""

    def epoch(self, metrics: EpochMetrics) -> None:
        """An epoch is done."""


def fit(module: nn.Module, dataset: Dataset, spec: TrainerSpec, observer: Observer) -> Trained:
    """Train `module` in place and return it with the weights of its best epoch.

    The best epoch is chosen on images held out from training (`selection: validation`), and the
    test set is read once, at the end; or on the test set itself (`selection: test`).

    Raises:
        ProofError: the loss is not finite.
        SpecError: too few images for the validation fraction.
        UnavailableError: the device is not there.
    """
    started = time.perf_counter()
    device = torch_device(spec.device)
    module = module.to(device)
    train, selection = _splits(dataset, spec, device)
    steps = _steps(len(train.labels), spec.batch_size)
    optimizer = _optimizer(module, spec)
    schedule = _schedule(optimizer, spec, steps)
    epochs: list[EpochMetrics] = []
    best = (-1.0, module.state_dict())
    for epoch in range(1, spec.epochs + 1):
        clock = time.perf_counter()
        loss = 0.0
        for step, (images, labels) in enumerate(_batches(train, spec, epoch), start=1):
            loss += _step(module, images, labels, optimizer, place=(epoch, step)) / steps
            schedule.step()
            observer.step(epoch, step, steps)
        seconds = time.perf_counter() - clock
        _require_finite(module, selection.images, epoch)
        score = accuracy(module, selection)
        metrics = EpochMetrics(
            epoch=epoch,
            loss=loss,
            accuracy=score,
            images_per_second=len(train.labels) / seconds,
        )
        epochs.append(metrics)
        observer.epoch(metrics)
        if score > best[0]:
            best = (score, copy.deepcopy(module.state_dict()))
    module.load_state_dict(best[1])
    module = module.to("cpu").eval()
    return Trained(
        module=module,
        epochs=tuple(epochs),
        best_epoch=max(epochs, key=lambda metrics: metrics.accuracy).epoch,
        test_accuracy=accuracy(module, dataset.test),
        seconds=time.perf_counter() - started,
    )


def prepare(spec: TrainerSpec) -> None:
    """Set the seed and the number of threads; call before the module's weights are drawn."""
    torch.manual_seed(spec.seed)
    torch.set_num_threads(spec.threads or len(os.sched_getaffinity(0)))


def torch_device(device: Device) -> torch.device:
    """Return torch's device; `auto` is the GPU where there is one.

    Raises:
        UnavailableError: a GPU is asked for and there is none.
    """
    has_gpu = torch.cuda.is_available()
    if device is Device.cuda and not has_gpu:
        raise UnavailableError(
            "torch finds no CUDA device", where="trainer.device", remedy="set trainer.device=cpu"
        )
    return torch.device("cuda" if has_gpu and device is not Device.cpu else "cpu")


def _splits(dataset: Dataset, spec: TrainerSpec, device: torch.device) -> tuple[Split, Split]:
    """Return the images to train on and those that choose the best epoch."""
    if spec.selection is Selection.test:
        return _on(dataset.train, device), _on(dataset.test, device)
    count = len(dataset.train.labels)
    held_out = max(1, round(count * spec.validation_fraction))
    if held_out >= count:
        raise SpecError(
            f"leaves nothing of {count} images to train on",
            where="trainer.validation_fraction",
            remedy="take a smaller part",
        )
    order = torch.randperm(count, generator=torch.Generator().manual_seed(spec.seed))
    train, validation = order[held_out:], order[:held_out]
    return _on(_take(dataset.train, train), device), _on(_take(dataset.train, validation), device)


def _take(split: Split, indices: torch.Tensor) -> Split:
    return Split(images=split.images[indices], labels=split.labels[indices])


def _on(split: Split, device: torch.device) -> Split:
    return Split(images=split.images.to(device), labels=split.labels.to(device))


def _steps(images: int, batch_size: int) -> int:
    """Return the steps of an epoch; a last batch of one image is left out (batch norm)."""
    whole, rest = divmod(images, batch_size)
    return max(1, whole + (rest > 1))


def _batches(
    train: Split, spec: TrainerSpec, epoch: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield shuffled batches: float32 images [N, C, H, W] in [0, 1], int64 labels [N]."""
    generator = torch.Generator().manual_seed(spec.seed + epoch)
    order = torch.randperm(len(train.labels), generator=generator).to(train.labels.device)
    for step in range(_steps(len(order), spec.batch_size)):
        chosen = order[step * spec.batch_size : (step + 1) * spec.batch_size]
        yield to_float(train.images[chosen]), train.labels[chosen]


def _step(
    module: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    *,
    place: tuple[int, int],
) -> float:
    module.train()
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.cross_entropy(_scores(module, images), labels)
    value = loss.item()
    if not math.isfinite(value):
        raise ProofError(
            f"the loss is {value} at epoch {place[0]}, step {place[1]}",
            where="trainer",
            remedy="lower trainer.lr or trainer.weight_decay",
        )
    torch.autograd.backward(loss)
    optimizer.step()
    return value


def _scores(module: nn.Module, images: torch.Tensor) -> torch.Tensor:
    try:
        scores: torch.Tensor = module(images)
    except ValueError as error:
        # Batch norm over a single value.
        raise SpecError(
            f"a batch of {len(images)} cannot be trained on: {error}",
            where="trainer.batch_size",
            remedy="take larger batches",
        ) from error
    return scores


def _require_finite(module: nn.Module, images: torch.Tensor, epoch: int) -> None:
    """Refuse weights that the epoch's last step broke: no loss was computed with them."""
    if not predict(module.eval(), images[:BATCH_SIZE]).isfinite().all():
        raise ProofError(
            f"the module answers NaN or infinity after epoch {epoch}",
            where="trainer",
            remedy="lower trainer.lr or trainer.weight_decay",
        )


def _optimizer(module: nn.Module, spec: TrainerSpec) -> torch.optim.Optimizer:
    parameters = module.parameters()
    match spec.optimizer:
        case Optimizer.sgd:
            return torch.optim.SGD(
                parameters, lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay
            )
        case Optimizer.adam:
            return torch.optim.Adam(parameters, lr=spec.lr, weight_decay=spec.weight_decay)
        case Optimizer.adamw:
            return torch.optim.AdamW(parameters, lr=spec.lr, weight_decay=spec.weight_decay)


def _schedule(
    optimizer: torch.optim.Optimizer, spec: TrainerSpec, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    if spec.schedule is Schedule.constant:
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=spec.lr, total_steps=max(2, steps * spec.epochs), cycle_momentum=False
    )
