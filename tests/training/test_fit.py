"""Training on real images: it learns, repeats itself, and returns its best epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from packager.architectures.layers import build_sequential
from packager.datasets.samples import Samples, Split, first
from packager.errors import ProofError, SpecError, UnavailableError
from packager.spec.training import (
    Device,
    Optimizer,
    Precision,
    Schedule,
    Selection,
    TrainerSpec,
)
from packager.training.averaging import moving_average
from packager.training.checkpoints import Checkpoints
from packager.training.device import prepare, torch_device
from packager.training.evaluate import evaluate
from packager.training.fit import Trained
from packager.training.fit import fit as fit_it
from packager.training.metrics import EpochMetrics, StepMetrics
from packager.training.selection import split as split_it
from tests.model_config.composing import layers, trainer

from .images import IMAGE, TINY, tiny

if TYPE_CHECKING:
    from packager.datasets.load import Dataset

SPEC = TrainerSpec(
    optimizer=Optimizer.adam,
    lr=1e-2,
    weight_decay=0.0,
    batch_size=64,
    epochs=2,
    validation_fraction=0.2,
    threads=2,
)


@dataclass
class Watch:
    """What an observer is told; `at_step` runs after each step."""

    at_step: Callable[[int], None] = lambda _epoch: None
    steps: list[tuple[int, int, int]] = field(default_factory=list)
    epochs: list[EpochMetrics] = field(default_factory=list)

    def step(self, metrics: StepMetrics) -> None:
        """Note a step."""
        self.steps.append((metrics.epoch, metrics.step, metrics.steps))
        self.at_step(metrics.epoch)

    def epoch(self, metrics: EpochMetrics) -> None:
        """Note an epoch."""
        self.epochs.append(metrics)


def fit(module: nn.Module, dataset: Dataset, spec: TrainerSpec, watch: Watch) -> Trained:
    """Train without keeping anything on disk."""
    nothing = Checkpoints(folder=None)
    trained = fit_it(module, dataset, spec, observer=watch, checkpoints=nothing)
    assert trained is not None
    return trained


def accuracy(module: nn.Module, split: Samples) -> float:
    """Return the part of images that are recognised."""
    return evaluate(module, split).accuracy


def _train(images: Dataset, **values: Any) -> Trained:
    spec = replace(SPEC, **values)
    prepare(seed=spec.seed, threads=spec.threads)
    return fit(build_sequential(TINY, sample_shape=IMAGE), images, spec, Watch())


def _same(one: Trained, other: Trained) -> bool:
    weights = one.module.state_dict(), other.module.state_dict()
    return all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def _shuffled(split: Samples) -> Split:
    whole = first(split, len(split.labels))
    return replace(whole, labels=whole.labels.roll(1))


def test_accuracy_rises_on_real_images(images: Dataset) -> None:
    """The shipped recipe learns clothes from 600 images: far above one in ten."""
    spec = trainer("model=fashion_cnn", "trainer.batch_size=50", "trainer.threads=2")
    prepare(seed=0, threads=2)
    module = build_sequential(layers("model=fashion_cnn"), sample_shape=IMAGE)
    untrained = accuracy(module, images.test)
    watch = Watch()
    trained = fit(module, images, spec, watch)
    assert trained.test.accuracy > 0.6 > untrained + 0.2
    assert trained.epochs[-1].loss < trained.epochs[0].loss / 1.2
    assert trained.epochs == tuple(watch.epochs)
    assert [epoch.epoch for epoch in watch.epochs] == [1, 2, 3]


def test_every_step_is_told(images: Dataset) -> None:
    """480 images in batches of 64 are eight steps an epoch."""
    watch = Watch()
    fit(tiny(), images, SPEC, watch)
    assert watch.steps == [(epoch, step, 8) for epoch in (1, 2) for step in range(1, 9)]


def test_the_same_seed_gives_the_same_weights_bit_for_bit(images: Dataset) -> None:
    """Twice in one process, whatever was drawn in between."""
    first = _train(images, seed=3)
    torch.rand(17)
    assert _same(first, _train(images, seed=3))


def test_another_seed_gives_other_weights(images: Dataset) -> None:
    """Seeds are not ignored."""
    assert not _same(_train(images, seed=3), _train(images, seed=4))


def test_the_seed_orders_the_batches_too(images: Dataset) -> None:
    """From the same initial weights, another seed trains another way."""
    trained = [
        fit(tiny(), images, replace(SPEC, seed=seed, selection=Selection.test), Watch())
        for seed in (1, 2)
    ]
    assert not _same(*trained)


@pytest.mark.parametrize("selection", Selection)
def test_the_best_epochs_weights_come_back(images: Dataset, selection: Selection) -> None:
    """Not the last one's: here the third epoch is spoilt on purpose."""
    module = tiny()

    def spoil(epoch: int) -> None:
        if epoch == 3:
            with torch.no_grad():
                module.get_parameter("1.weight").zero_()

    spec = replace(SPEC, epochs=3, selection=selection)
    trained = fit(module, images, spec, Watch(at_step=spoil))
    chosen_on = split_it(images, spec)[1]
    scores = [epoch.accuracy for epoch in trained.epochs]
    assert trained.best_epoch < 3
    assert scores[2] < 0.3 < max(scores) == scores[trained.best_epoch - 1]
    assert accuracy(trained.module, chosen_on) == max(scores)
    assert trained.test.accuracy == accuracy(trained.module, images.test)
    assert not trained.module.training


def test_of_equal_epochs_the_first_is_best(images: Dataset) -> None:
    """With weights that do not move, nothing after it is better."""
    trained = fit(tiny(), images, replace(SPEC, optimizer=Optimizer.sgd, lr=1e-30), Watch())
    scores = [epoch.accuracy for epoch in trained.epochs]
    assert trained.best_epoch == scores.index(max(scores)) + 1


def test_held_out_selection_never_looks_at_the_test_set(images: Dataset) -> None:
    """Wrong test labels change the reported accuracy and nothing else."""
    wrong = replace(images, test=_shuffled(images.test))
    right, other = _train(images, epochs=3), _train(wrong, epochs=3)
    assert _same(right, other)
    assert right.best_epoch == other.best_epoch
    assert right.test.accuracy > other.test.accuracy


def test_selection_on_the_test_set_does_look_at_it(images: Dataset) -> None:
    """As the tutorial does: its labels decide the epochs' scores."""
    wrong = replace(images, test=_shuffled(images.test))
    scores = [
        [epoch.accuracy for epoch in _train(data, selection=Selection.test).epochs]
        for data in (images, wrong)
    ]
    assert scores[0] != scores[1]


def test_held_out_images_are_not_trained_on(images: Dataset) -> None:
    """Training and held-out images are disjoint, and together all there are."""
    train, held_out = split_it(images, SPEC)
    assert isinstance(train, Split)
    assert isinstance(held_out, Split)
    assert (len(train.labels), len(held_out.labels)) == (480, 120)
    rows = torch.cat([train.images, held_out.images]).flatten(1)
    expected = first(images.train, 600).images.flatten(1)
    assert sorted(rows.tolist()) == sorted(expected.tolist())
    pairs = {
        bytes(row.tolist()): int(label)
        for row, label in zip(expected, images.train.labels, strict=True)
    }
    assert all(
        pairs[bytes(image.flatten().tolist())] == int(label)
        for image, label in zip(held_out.images, held_out.labels, strict=True)
    )


def test_a_loss_that_is_not_finite_stops_training(images: Dataset) -> None:
    """Epoch and step are named, and what to do."""
    spec = replace(SPEC, optimizer=Optimizer.sgd, lr=1e38)
    with pytest.raises(ProofError, match=r"the loss is (nan|inf) at epoch 1, step 2") as caught:
        fit(tiny(), images, spec, Watch())
    assert caught.value.remedy.startswith("lower trainer.lr")


def test_weights_that_the_last_step_broke_are_refused(images: Dataset) -> None:
    """One step of a huge rate: the loss before it was finite, the model behind it is not."""
    spec = replace(SPEC, optimizer=Optimizer.sgd, lr=1e38, epochs=1, batch_size=480)
    with pytest.raises(ProofError):
        fit(tiny(), images, spec, Watch())


def test_a_fraction_that_leaves_nothing_is_refused(images: Dataset) -> None:
    """One image cannot be both trained on and held out."""
    one = first(images.train, 1)
    with pytest.raises(SpecError, match="leaves nothing of 1 images") as caught:
        fit(tiny(), replace(images, train=one), SPEC, Watch())
    assert caught.value.where == "trainer.validation_fraction"


def test_a_last_batch_of_one_image_is_left_out(images: Dataset) -> None:
    """Batch norm cannot learn from one; 65 images in batches of 64 are one step."""
    few = replace(images, train=first(images.train, 65))
    watch = Watch()
    fit(tiny(), few, replace(SPEC, epochs=1, selection=Selection.test), watch)
    assert watch.steps == [(1, 1, 1)]
    for count, steps in ((66, 2), (64, 1), (10, 1)):
        few = replace(images, train=first(images.train, count))
        watch = Watch()
        fit(tiny(), few, replace(SPEC, epochs=1, selection=Selection.test), watch)
        assert len(watch.steps) == steps


def test_batches_that_batch_norm_cannot_take_are_told(images: Dataset) -> None:
    """One image a batch, by the user's own choice: an error with its key, not torch's own."""
    with pytest.raises(SpecError) as caught:
        fit(tiny(), images, replace(SPEC, batch_size=1), Watch())
    assert caught.value.where == "trainer.batch_size"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_unavailable(images: Dataset) -> None:
    """The key and the way out are named; auto takes the CPU."""
    with pytest.raises(UnavailableError, match="no CUDA device") as caught:
        fit(tiny(), images, replace(SPEC, device=Device.cuda), Watch())
    assert caught.value.where == "trainer.device"
    assert torch_device(Device.auto) == torch_device(Device.cpu) == torch.device("cpu")


def test_accuracy_is_measured_in_evaluation_mode(images: Dataset) -> None:
    """Batch statistics of the moment do not count, and do not change."""
    module: nn.Module = tiny().train()
    before = module.state_dict()["2.running_mean"].clone()
    accuracy(module, images.test)
    assert torch.equal(module.state_dict()["2.running_mean"], before)


@pytest.mark.parametrize("schedule", Schedule)
def test_momentum_is_the_one_asked_for(images: Dataset, schedule: Schedule) -> None:
    """Two values train two ways, whatever the schedule."""
    values = {"optimizer": Optimizer.sgd, "lr": 1e-2, "schedule": schedule}
    assert not _same(_train(images, **values, momentum=0.0), _train(images, **values, momentum=0.9))


def test_max_steps_ends_training_and_its_schedule(images: Dataset) -> None:
    """480 images in batches of 64 are eight steps an epoch: eleven end in the second epoch."""
    watch = Watch()
    spec = replace(SPEC, schedule=Schedule.one_cycle, max_steps=11, epochs=5)
    trained = fit(tiny(), images, spec, watch)
    assert watch.steps[-1][:2] == (2, 3)
    assert len(trained.epochs) == 2
    assert trained.epochs[-1].lr < spec.lr / 1000
    assert trained.stopped_by is None


def test_averaged_weights_are_those_that_are_chosen(images: Dataset) -> None:
    """They lag behind the last step's, and soon leave the initial ones."""
    module = tiny()
    start = module.get_parameter("1.weight").detach().clone()
    spec = replace(SPEC, ema_decay=0.999, epochs=3, selection=Selection.test)
    averaged = fit(module, images, spec, Watch())
    plain = fit(tiny(), images, replace(spec, ema_decay=None), Watch())
    moved = [one.module.get_parameter("1.weight") - start for one in (averaged, plain)]
    assert 0.3 * moved[1].norm() < moved[0].norm() < 0.99 * moved[1].norm()
    assert averaged.epochs[0].accuracy > 0.4


def test_the_average_forgets_its_first_steps() -> None:
    """Of ten steps at 1 after one at 0, most is 1 already, whatever the decay."""
    averaged, update = torch.zeros(1), moving_average(0.999)
    for step in range(1, 11):
        update([averaged], [torch.ones(1)], torch.tensor(step))
    assert 0.9 < averaged.item() < 1
    before = averaged.item()
    update([averaged], [torch.zeros(1)], torch.tensor(10**6))
    assert averaged.item() == pytest.approx(0.999 * before)


def test_label_smoothing_keeps_the_loss_up(images: Dataset) -> None:
    """A tenth of the target on wrong classes costs something however well a model does."""
    losses = [
        _train(images, label_smoothing=value, epochs=3).epochs[-1].loss for value in (0.0, 0.3)
    ]
    assert losses[1] > losses[0] + 0.2


def test_bfloat16_learns_as_well(images: Dataset) -> None:
    """Coarser sums, the same lesson; the weights are float32 all the same."""
    scores = {precision: _train(images, precision=precision, epochs=3) for precision in Precision}
    assert scores[Precision.bfloat16].precision == "bfloat16"
    assert scores[Precision.float32].precision == "float32"
    gap = scores[Precision.bfloat16].test.accuracy - scores[Precision.float32].test.accuracy
    assert abs(gap) < 0.1
    assert scores[Precision.bfloat16].module.get_parameter("1.weight").dtype is torch.float32


def test_time_that_is_up_ends_training(images: Dataset) -> None:
    """One step at least; the epoch begun is evaluated, and what ended it is told."""
    trained = _train(images, max_minutes=1e-9, epochs=50)
    assert len(trained.epochs) == 1
    assert trained.stopped_by == "trainer.max_minutes"
    assert trained.best_epoch == 1
