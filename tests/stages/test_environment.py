"""The host's part of training's key: how many cores compute, and in how many processes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packager.spec.job import Stage
from packager.stages import environment
from tests.model_config.composing import recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

ANY = recipe("model=fashion_cnn", "trainer.threads=null")
TWO = recipe("model=fashion_cnn", "trainer.threads=2")


@contextmanager
def _on_one_core() -> Iterator[None]:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core only")
def test_training_on_other_cores_is_another_training() -> None:
    """Sums are of other parts then. Where the recipe says how many threads, cores do not matter."""
    many, two = (environment.host(Stage.train, made) for made in (ANY, TWO))
    with _on_one_core():
        assert environment.host(Stage.train, ANY) == many | {"threads": 1} != many
        assert environment.host(Stage.train, TWO) == two


def test_training_in_two_processes_is_another_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a part of every batch."""
    alone = environment.host(Stage.train, TWO)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert environment.host(Stage.train, TWO) == alone | {"processes": 2}


def test_stages_that_compute_nothing_know_no_host() -> None:
    """What they give is the same everywhere."""
    for stage in (Stage.data, Stage.export, Stage.render, Stage.rules):
        assert environment.host(stage, ANY) == {}
