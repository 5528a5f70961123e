"""Interrupted training goes on to the very weights of training that was not."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from packager.architectures.layers import build_sequential
from packager.spec.architecture import LayerSpec, LayersSpec
from packager.spec.training import (
    AugmentationSpec,
    Optimizer,
    Schedule,
    TrainerSpec,
)
from packager.training.checkpoints import (
    CHECKPOINT,
    KEPT_SECONDS,
    Checkpoints,
    opened,
    weights_digest,
)
from packager.training.device import prepare
from packager.training.fit import Trained, fit
from tests.repository.mounts import needs_mount, tmpfs

from .images import IMAGE

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from packager.datasets.load import Dataset
    from packager.training.metrics import EpochMetrics, StepMetrics

# What could go wrong on resuming is all in: dropout, batch norm, averages, augmentation, schedule.
LAYERS = LayersSpec(
    layers=(
        LayerSpec(name="Conv2d", arguments={"out_channels": 4, "kernel_size": 3}),
        LayerSpec(name="BatchNorm2d", arguments={}),
        LayerSpec(name="ReLU", arguments={}),
        LayerSpec(name="MaxPool2d", arguments={"kernel_size": 2}),
        LayerSpec(name="Flatten", arguments={}),
        LayerSpec(name="Dropout", arguments={"p": 0.5}),
        LayerSpec(name="Linear", arguments={"out_features": 70}),
        LayerSpec(name="ReLU", arguments={}),
        LayerSpec(name="Linear", arguments={"out_features": 10}),
    )
)
SPEC = TrainerSpec(
    optimizer=Optimizer.adamw,
    lr=1e-2,
    weight_decay=1e-2,
    batch_size=64,
    epochs=3,
    schedule=Schedule.one_cycle,
    label_smoothing=0.1,
    ema_decay=0.9,
    augmentation=AugmentationSpec(
        horizontal_flip=True, crop_padding=2, cutout_size=9, cutout_probability=0.3
    ),
    validation_fraction=0.2,
    threads=2,
    checkpoint_seconds=0,
)
LAST_STEP = 8
"""Of each epoch: 480 images in batches of 64."""


class _Stop(Exception):  # noqa: N818  the test's own
    pass


class _Watch:
    """Stops training by a signal or an exception at one step."""

    def __init__(self, at: tuple[int, int] | None = None, number: int | None = None) -> None:
        self.at, self.number = at, number
        self.steps: list[tuple[int, int]] = []

    def step(self, metrics: StepMetrics) -> None:
        """Note the step, or stop at it."""
        self.steps.append((metrics.epoch, metrics.step))
        if self.steps[-1] == self.at:
            if self.number is None:
                raise _Stop
            signal.raise_signal(self.number)

    def epoch(self, metrics: EpochMetrics) -> None:
        """Nothing to do."""


def _fit(images: Dataset, folder: Path | None, watch: _Watch, **values: Any) -> Trained:
    spec = replace(SPEC, **values)
    prepare(seed=spec.seed, threads=spec.threads)
    module = build_sequential(LAYERS, sample_shape=IMAGE)
    trained = fit(module, images, spec, observer=watch, checkpoints=Checkpoints(folder=folder))
    assert trained is not None
    return trained


@pytest.mark.parametrize("at", [(1, 1), (1, 8), (2, 1), (2, 5), (3, 8)])
@pytest.mark.parametrize("optimizer", [Optimizer.adamw, Optimizer.sgd, Optimizer.muon])
def test_a_broken_off_training_ends_in_the_same_weights(
    images: Dataset, tmp_path: Path, at: tuple[int, int], optimizer: Optimizer
) -> None:
    """Wherever it broke off: every number equal, metrics too."""
    values: dict[str, Any] = {"optimizer": optimizer, "momentum": 0.0}
    if optimizer is Optimizer.sgd:
        values["momentum"] = 0.9
    whole = _fit(images, None, _Watch(), **values)
    with pytest.raises(_Stop):
        _fit(images, tmp_path, _Watch(at), **values)
    watch = _Watch()
    resumed = _fit(images, tmp_path, watch, **values)
    assert weights_digest(resumed.module) == weights_digest(whole.module)
    assert _told(resumed) == _told(whole)
    # The step that broke off was not saved: it is taken again, and none before it.
    assert watch.steps[0] == at
    assert resumed.test == whole.test


def _told(trained: Trained) -> list[tuple[float, float, float]]:
    """Return what of each epoch has nothing to do with time."""
    return [(one.loss, one.accuracy, one.lr) for one in trained.epochs]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [3, LAST_STEP])
def test_a_signal_is_acted_on_after_a_checkpoint(
    images: Dataset, tmp_path: Path, number: int, step: int
) -> None:
    """The step is finished and saved, whatever the time since the last checkpoint.

    That of an epoch's last step is of an epoch that is still to be closed.
    """

    def stop(_number: int, _frame: object) -> None:
        raise _Stop

    before = signal.signal(number, stop)
    try:
        with pytest.raises(_Stop):
            _fit(images, tmp_path, _Watch((2, step), number), checkpoint_seconds=1e6)
        assert signal.getsignal(number) is stop
    finally:
        signal.signal(number, before)
    watch = _Watch()
    resumed = _fit(images, tmp_path, watch, checkpoint_seconds=1e6)
    assert watch.steps[0] == ((3, 1) if step == LAST_STEP else (2, step + 1))
    whole = _fit(images, None, _Watch())
    assert weights_digest(resumed.module) == weights_digest(whole.module)
    assert _told(resumed) == _told(whole)


def test_a_finished_training_is_not_repeated(images: Dataset, tmp_path: Path) -> None:
    """What failed after it, failed after it."""
    first = _fit(images, tmp_path, _Watch())
    watch = _Watch()
    again = _fit(images, tmp_path, watch)
    assert not watch.steps
    assert weights_digest(again.module) == weights_digest(first.module)
    assert again.epochs == first.epochs


def test_training_that_ran_out_of_time_goes_on_with_more(images: Dataset, tmp_path: Path) -> None:
    """The limit does not change where training leads."""
    short = _fit(images, tmp_path, _Watch(), max_minutes=1e-9)
    assert short.stopped_by == "trainer.max_minutes"
    again = _fit(images, tmp_path, _Watch(), max_minutes=1e-9)
    assert weights_digest(again.module) == weights_digest(short.module)
    whole = _fit(images, tmp_path, _Watch(), max_minutes=None)
    assert whole.stopped_by is None
    assert weights_digest(whole.module) == weights_digest(_fit(images, None, _Watch()).module)


@pytest.mark.parametrize("length", [0, 1, 1000, -1, 10**9])
def test_a_broken_checkpoint_is_told_and_training_starts_anew(
    images: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture, length: int
) -> None:
    """Cut short by a failing disk: the weights come out right all the same."""
    with pytest.raises(_Stop):
        _fit(images, tmp_path, _Watch((2, 2)))
    path = tmp_path / CHECKPOINT
    content = path.read_bytes()
    path.write_bytes(content[:length] if length < len(content) else b"hello world" * 100)
    resumed = _fit(images, tmp_path, _Watch())
    assert "training starts anew" in caplog.text
    assert weights_digest(resumed.module) == weights_digest(_fit(images, None, _Watch()).module)


def test_metrics_are_a_line_an_epoch(images: Dataset, tmp_path: Path) -> None:
    """Also of epochs before the interruption, each once."""
    with pytest.raises(_Stop):
        _fit(images, tmp_path, _Watch((3, 2)))
    _fit(images, tmp_path, _Watch())
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [f'"epoch": {number}' in line for number, line in enumerate(lines, 1)] == [True] * 3


def test_weights_digest_tells_one_bit() -> None:
    """And names: the same numbers elsewhere are other weights."""
    one, other = nn.Linear(3, 3), nn.Linear(3, 3)
    other.load_state_dict(one.state_dict())
    assert weights_digest(one) == weights_digest(other)
    with torch.no_grad():
        other.weight[1, 1] = torch.nextafter(other.weight[1, 1], torch.tensor(9.0))
    assert weights_digest(one) != weights_digest(other)
    assert weights_digest(one) != weights_digest(nn.Sequential(one))


@needs_mount
def test_a_full_disk_ends_no_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The checkpoint of before stays, nothing half-written does, and it is told."""
    (tmp_path / "disk").mkdir()
    with tmpfs(tmp_path / "disk", "size=1m") as disk:
        place = Checkpoints(folder=disk)
        place.save({"weights": torch.zeros(1000)})
        place.save({"weights": torch.zeros(1_000_000)})
        kept = place.load()
        assert kept is not None
        assert kept["weights"].shape == (1000,)
        assert [path.name for path in disk.iterdir()] == [CHECKPOINT]
    assert "No space left on device" in caplog.text


def test_a_cache_that_cannot_be_written_ends_no_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As a file in its place: there are no checkpoints, and it is told."""
    (tmp_path / "training").write_text("in the way")
    with opened(tmp_path / "training", "key") as place:
        assert place.folder is None
        place.save({"at": 1})
    assert "no checkpoints can be kept" in caplog.text


def test_two_processes_do_not_share_a_checkpoint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The second keeps nothing, and says so."""
    with opened(tmp_path, "key") as first, opened(tmp_path, "key") as second:
        assert first.folder is not None
        assert second.folder is None
    assert "another process trains the same" in caplog.text


def test_abandoned_trainings_are_removed(tmp_path: Path) -> None:
    """After a month, and not those in use."""
    for name in ("old", "busy", "new"):
        with opened(tmp_path, name) as place:
            place.save({"at": torch.tensor(1)})
    for path in (*tmp_path.glob("old*"), *tmp_path.glob("busy*")):
        _age(path)
    with opened(tmp_path, "busy"):
        for path in tmp_path.glob("busy*"):
            _age(path)
        with opened(tmp_path, "other"):
            pass
        assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {
            "busy",
            "new",
            "other",
        }


def _age(path: Path) -> os.stat_result:
    import os  # noqa: PLC0415

    then = path.stat().st_mtime - KEPT_SECONDS - 1
    os.utime(path, (then, then))
    return path.stat()
