"""Jobs composed from one another are those that Hydra composes one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from packager.command_line.sweep_composition import composer

from .sweeps import sweep

if TYPE_CHECKING:
    from collections.abc import Callable

FASHION = "model=fashion_cnn"


def _typed(node: Any) -> Any:
    """Return a configuration's values with the classes that type them, nothing resolved."""
    if OmegaConf.is_dict(node):
        inner = {key: _typed(node._get_node(key)) for key in node} if not node._is_none() else None
        return OmegaConf.get_type(node), OmegaConf.is_struct(node), inner
    if OmegaConf.is_list(node) and not node._is_none():
        return [_typed(one) for one in node._iter_ex(resolve=False)]
    return node._value() if hasattr(node, "_value") else node


def _outcome(compose: Callable[[list[str]], Any], job: list[str]) -> Any:
    """Return what a job is composed to, or how that ends."""
    try:
        return _typed(compose(job))
    except HydraException as error:
        return type(error), str(error), str(error.__cause__)


@pytest.mark.parametrize(
    "overrides",
    [
        (FASHION, "trainer.epoch=1,2"),
        (FASHION, "trainer.lr=0.1,0.2", "serving.instance_group.count=1,2"),
        ("model=fashion_cnn,mnist_cnn", "trainer=default,best", "trainer.seed=1,2"),
        ("trainer.seed=1,2", FASHION, "name=a,b", "inputs.0.dims=[1,28,28],[3,28,28]"),
        (FASHION, "trainer.lr=1,2", "trainer={lr: 3},{seed: 4}"),
        (FASHION, "trainer.lr=1,2", "+trainer.typo=3,4", "~task"),
        (FASHION, "inputs.0.name=a,b", "inputs=[{name: c, data_type: FP32, dims: [1]}]"),
        (FASHION, "serving/instance_group=cpu,gpu", "serving.instance_group.count=3,4"),
        (FASHION, "trainer.lr=${trainer.ema_decay},1", "repository.path='a b=c',\"d,e\""),
        (FASHION, "trainer={lr: 3}", "trainer.augmentation={},{flip: true}", "trainer.lr=5"),
    ],
    ids=lambda overrides: " ".join(overrides[1:]),
)
def test_a_job_is_what_hydra_composes(overrides: tuple[str, ...]) -> None:
    """Values, the classes that type them, and what Hydra tells of the job."""
    with sweep(*overrides) as (jobs, loader, master):
        assert len(jobs) > 1
        compose = composer(loader, master)
        for job in jobs:
            ours = _outcome(compose, job)
            assert ours == _outcome(lambda one: loader.load_sweep_config(master, one), job)


def test_a_job_leaves_the_next_as_it_was() -> None:
    """Each gets a copy of its own."""
    with sweep(FASHION, "trainer.seed=1,2") as (jobs, loader, master):
        compose = composer(loader, master)
        first = compose(jobs[0])
        first.trainer.lr = 7.0
        assert compose(jobs[0]).trainer.lr != 7.0
        assert compose(jobs[1]).trainer.seed == 2
