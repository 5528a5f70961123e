"""`export.optimize=auto`: measured once, kept, pinned by what is published; by given rates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from packager.export import measuring
from packager.repository.publish import prepare
from packager.spec.job import BuildTask, Stage
from packager.spec.recipe import ExportForm
from packager.tasks import build
from packager.tasks.plan import make
from tests.model_config.composing import job

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packager.export.choice import Rates
    from packager.spec.job import Job
    from packager.tasks.plan import Step

NONE, FREEZE, LAST = ExportForm.none, ExportForm.freeze, ExportForm.channels_last


@dataclass
class Clock:
    """Stands for the measuring process: rates by form, and how often they were asked for."""

    rates: Mapping[ExportForm, float]
    asked: int = 0

    def measure(
        self, artifacts: Mapping[ExportForm, Path], requests: Mapping[int, Path], *, threads: int
    ) -> dict[ExportForm, Rates]:
        """Check what would be run, and return the rates of those that are there."""
        assert threads >= 1
        assert all(path.is_file() for path in (*artifacts.values(), *requests.values()))
        self.asked += 1
        return {form: dict.fromkeys(requests, (self.rates[form],) * 3) for form in artifacts}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A small module of a convolution, without data, its form to be chosen."""
    folder = tmp_path_factory.mktemp("auto")
    return job(
        *("model=fashion_cnn", "dataset=none", "trainer=none", "server=none", "name=auto"),
        *("export.optimize=auto", "serving.max_batch_size=4"),
        "architecture.layers=[{Conv2d: {out_channels: 2, kernel_size: 3}}, Flatten]",
        "outputs=[]",
        "inputs=[{name: x, data_type: FP32, dims: [1, 6, 6]}]",
        *(f"repository.path={folder / 'models'}", f"cache.path={folder / 'cache'}"),
    )


@pytest.fixture(scope="module")
def clock(given: Job) -> Iterator[Clock]:
    """Rates by which freezing is best; with them version 1 is built."""
    prepare(given.require_local_repository())
    clock = Clock(rates={NONE: 100.0, FREEZE: 300.0, LAST: 200.0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "measure", clock.measure)
        build.run(given)
        assert clock.asked == 1
        yield clock


def _manifest(given: Job, version: int) -> dict[str, Any]:
    path = given.require_local_repository().path / "auto" / str(version) / "manifest.json"
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _steps(given: Job) -> dict[str, Step]:
    return {step.stage: step for step in make(given).steps}


@pytest.mark.usefixtures("clock")
def test_the_choice_is_in_the_manifest(given: Job) -> None:
    """The form and why; rates are times. What cannot be judged without data is told."""
    manifest = _manifest(given, 1)
    assert manifest["export"] == {
        "asked": "auto",
        "form": "freeze",
        "why": "the fastest at batch 4, and not slower than channels_last at 1",
        "refused": {"bfloat16": "is judged by classes, and there are no data"},
    }
    assert manifest["recipe"]["export"]["optimize"] == "freeze"
    assert manifest["times"]["rows_per_second"]["freeze"] == {"1": [300.0] * 3, "4": [300.0] * 3}
    assert set(manifest["stages"]) >= {"optimize", "export"}


def test_it_is_kept_though_another_would_win_now(given: Job, clock: Clock) -> None:
    """An unchanged build measures nothing; the plan says what was taken."""
    summary = build.run(given)
    assert summary is not None
    assert (summary.version, clock.asked) == (1, 1)
    steps = _steps(given)
    assert steps["optimize"].reused
    assert steps["optimize"].does.startswith("freeze of 4 forms: 300 rows/s at batch 4 (none 100,")
    assert steps["export"].does == "TorchScript (freeze)"


def test_what_is_published_pins_it_where_the_cache_is_lost(given: Job, clock: Clock) -> None:
    """The plan says so; nothing is measured, and the same version comes of it."""
    for path in (given.cache.path / "stages" / "records").rglob("*optimize*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    step = _steps(given)["optimize"]
    assert step.reused
    assert step.does.endswith("pinned by version 1")
    shutil.rmtree(given.cache.path / "stages")
    summary = build.run(given)
    assert summary is not None
    assert (summary.version, clock.asked) == (1, 1)


@pytest.mark.usefixtures("clock")
def test_other_batches_are_not_what_was_measured(given: Job) -> None:
    """Nor another kind of instance: then the default is taken, and it is said why."""
    recipe = given.require_recipe()
    larger = replace(recipe, serving=replace(recipe.serving, max_batch_size=8))
    assert "would be measured" in _steps(replace(given, recipe=larger))["optimize"].does
    gpu = replace(given, recipe=job("model=fashion_cnn", "serving/instance_group=gpu").recipe)
    group = gpu.require_recipe().serving.instance_group
    placed = replace(recipe, serving=replace(recipe.serving, instance_group=group))
    step = _steps(replace(given, recipe=placed))["optimize"]
    assert step.does == "channels_last: instances of KIND_GPU are not measured on a CPU"


def test_forced_it_is_measured_again(given: Job, clock: Clock) -> None:
    """By other rates it is another form, and so another version."""
    clock.rates = {NONE: 400.0, FREEZE: 300.0, LAST: 200.0}
    summary = build.run(replace(given, task=BuildTask(force=frozenset({Stage.optimize}))))
    assert summary is not None
    assert (summary.version, clock.asked) == (2, 2)
    assert _manifest(given, 2)["export"]["form"] == "none"
