"""A trainer's settings reach torch: optimizer, schedule, seed and threads."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from packager.architectures.layers import build_sequential
from packager.errors import UnavailableError
from packager.spec.training import Optimizer, Schedule, Selection
from packager.training.device import prepare, require_compiler
from packager.training.optimization import Optimization
from tests.model_config import composing

from .images import IMAGE, tiny

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tutorials_sgd_settings_arrive() -> None:
    """Rate 1e-4, momentum 0.9, decay 5e-4, batches of 256, 60 epochs."""
    trainer = composing.trainer("model=fashion_cnn", "trainer=tutorial_sgd")
    (optimizer,) = Optimization(tiny(), trainer, steps=1).optimizers
    assert type(optimizer) is torch.optim.SGD
    (group,) = optimizer.param_groups
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (1e-4, 0.9, 5e-4)
    assert not group["nesterov"]
    assert (trainer.batch_size, trainer.epochs, trainer.selection) == (256, 60, Selection.test)


def test_the_tutorials_adam_settings_arrive() -> None:
    """Rate 1e-3, torch's own betas, no decay, batches of 32, 10 epochs."""
    trainer = composing.trainer("model=mnist_cnn", "trainer=tutorial_adam")
    (optimizer,) = Optimization(tiny(), trainer, steps=1).optimizers
    assert type(optimizer) is torch.optim.Adam
    (group,) = optimizer.param_groups
    assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-3, (0.9, 0.999), 0.0)
    assert (trainer.batch_size, trainer.epochs) == (32, 10)


def test_the_default_settings_arrive() -> None:
    """AdamW with its decay."""
    (optimizer,) = Optimization(tiny(), composing.trainer("model=mnist_cnn"), steps=1).optimizers
    assert type(optimizer) is torch.optim.AdamW
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (3e-3, 1e-2)


def test_every_parameter_is_trained() -> None:
    """Weights, biases and batch norm's scales."""
    module = tiny()
    for kind in Optimizer:
        trainer = replace(composing.trainer("model=mnist_cnn"), optimizer=kind)
        before = [one.detach().clone() for one in module.parameters()]
        optimization = Optimization(module, trainer, steps=10)
        torch.autograd.backward(module(torch.rand(8, 1, 28, 28)).square().sum())
        optimization.step()
        assert all(
            not torch.equal(one, other)
            for one, other in zip(module.parameters(), before, strict=True)
        ), kind
        optimization.zero_grad()
        assert all(one.grad is None for one in module.parameters())


def test_muon_has_the_hidden_matrices_and_adamw_the_rest() -> None:
    """In blocks of rows that are the weights themselves, whatever their order in memory."""
    module = composing_module().to(memory_format=torch.channels_last)
    trainer = replace(composing.trainer("model=fashion_cnn"), optimizer=Optimizer.muon)
    optimization = Optimization(module, trainer, steps=10)
    rest, muon = optimization.optimizers
    assert (type(rest), type(muon)) == (torch.optim.AdamW, torch.optim.Muon)
    blocks = muon.param_groups[0]["params"]
    assert {one.shape for one in blocks} == {(50, 225), (64, 1250), (64, 1024)}
    assert len(blocks) == 1 + 16 + 2
    sizes = [one.numel() for group in (rest, muon) for one in group.param_groups[0]["params"]]
    assert sum(sizes) == sum(one.numel() for one in module.parameters())
    places = [one.data_ptr() for one in module.parameters()]
    assert blocks[0].data_ptr() in places
    assert blocks[1].data_ptr() in places


def composing_module() -> torch.nn.Sequential:
    """Return the module of fashion_cnn."""
    return build_sequential(composing.layers("model=fashion_cnn"), sample_shape=IMAGE)


def _rates(schedule: Schedule, *, steps: int, epochs: int) -> list[float]:
    trainer = replace(composing.trainer("model=mnist_cnn"), schedule=schedule, epochs=epochs)
    optimization = Optimization(tiny(), trainer, steps=steps * epochs)
    rates = []
    for _ in range(steps * epochs):
        rates.append(optimization.lr)
        optimization.step()
    return rates


def test_a_constant_rate_stays() -> None:
    """At every step."""
    assert set(_rates(Schedule.constant, steps=7, epochs=2)) == {3e-3}


def test_one_cycle_rises_to_the_rate_and_falls_to_nothing() -> None:
    """Over the whole training, not over each epoch."""
    rates = _rates(Schedule.one_cycle, steps=10, epochs=3)
    peak = rates.index(max(rates))
    assert max(rates) == pytest.approx(3e-3, rel=1e-3)
    assert 0 < peak < 15
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] < 3e-3 / 1000


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_one_cycle_fits_the_shortest_training(steps: int) -> None:
    """A single step has a rate too."""
    assert all(rate > 0 for rate in _rates(Schedule.one_cycle, steps=steps, epochs=1))


def test_seed_and_threads_are_set() -> None:
    """Torch draws the same numbers again, on the cores asked for."""
    prepare(seed=5, threads=1)
    drawn = torch.rand(3)
    prepare(seed=5, threads=1)
    assert torch.equal(torch.rand(3), drawn)
    assert torch.get_num_threads() == 1
    prepare(seed=6, threads=None)
    assert not torch.equal(torch.rand(3), drawn)
    assert torch.get_num_threads() == len(os.sched_getaffinity(0))


def test_compiling_needs_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before the first step."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UnavailableError, match=r"no g\+\+ or clang\+\+ or c\+\+") as caught:
        require_compiler(torch.device("cpu"))
    assert caught.value.where == "trainer.compile"
