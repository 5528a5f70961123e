"""What a plan says of a build, by what the recipe has: data, training, a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packager.repository.layout import ModelPaths
from packager.spec.architecture import LayersSpec, TorchScriptSpec, WeightsSpec
from packager.spec.recipe import ExportSpec, Pixels
from packager.spec.training import NoTrainerSpec
from packager.tasks.plan import make
from tests.model_config.composing import job
from tests.model_config.specs import tensor, without_data

if TYPE_CHECKING:
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe

JOB = job("model=fashion_cnn", "task=plan", "repository.path=/nowhere/models")
FASHION = JOB.require_recipe()
FILE = TorchScriptSpec(path=Path("/models/detector.pt"))


def _steps(recipe: Recipe, given: Job = JOB) -> dict[str, str]:
    """Return a plan's steps by their names."""
    steps = make(replace(given, recipe=recipe)).steps
    return {name: text.strip() for name, _, text in (step.partition(":") for step in steps)}


def test_a_trained_model_has_data_and_epochs() -> None:
    """As always."""
    steps = _steps(FASHION)
    assert steps["data"].startswith("fashion_mnist, from the cache or the first that serves of ")
    assert " epochs of " in steps["train"]
    assert steps["export"] == "TorchScript (freeze)"
    assert steps["publish"] == "/nowhere/models/fashion_cnn/1"


def test_a_file_is_packaged_as_it_is() -> None:
    """Neither data nor training; what the proofs are asked is said."""
    recipe = replace(without_data([tensor("x", 4)], [tensor("y", 4)]), architecture=FILE)
    steps = _steps(recipe)
    assert steps["data"] == "none: proofs run on generated inputs"
    assert steps["train"] == "none: the file holds its weights"
    assert steps["export"] == "/models/detector.pt as it is"


def test_without_training_the_weights_origin_is_said() -> None:
    """A file, or a seed."""
    untrained = replace(FASHION, trainer=NoTrainerSpec(seed=7))
    assert _steps(untrained)["train"] == "none: weights drawn from seed 7"
    weights = WeightsSpec(path=Path("/w.safetensors"))
    assert isinstance(FASHION.architecture, LayersSpec)
    architecture = replace(FASHION.architecture, weights=weights)
    loaded = replace(untrained, architecture=architecture)
    assert _steps(loaded)["train"] == "none: weights of /w.safetensors"
    assert _steps(replace(FASHION, architecture=architecture))["train"].endswith(
        ", beginning with /w.safetensors"
    )


def test_the_configs_of_hosts_are_said_and_shown(tmp_path: Path) -> None:
    """New ones, and the published one of a host that the recipe has no more."""
    given = job("model=fashion_cnn", "serving/hosts=cpu_and_gpu", f"repository.path={tmp_path}")
    model = ModelPaths(tmp_path / "fashion_cnn")
    model.configs.mkdir(parents=True)
    model.host_config("old").write_text("# old\n")
    prove = _steps(given.require_recipe(), given)["prove"]
    assert prove.endswith("a config each for hosts cpu (KIND_CPU), gpu (KIND_GPU)")
    diff = make(given).config_diff
    assert diff is not None
    assert "--- no configs/gpu.pbtxt\n+++ configs/gpu.pbtxt\n" in diff
    assert "+  kind: KIND_GPU\n" in diff
    assert "--- published configs/old.pbtxt\n+++ no configs/old.pbtxt\n" in diff
    assert diff.index("+++ config.pbtxt") < diff.index("+++ configs/cpu.pbtxt")


def test_raw_pixels_are_said() -> None:
    """They change what clients send."""
    recipe = replace(FASHION, inputs=(), export=ExportSpec(pixels=Pixels.uint8))
    assert _steps(recipe)["export"] == "TorchScript (freeze) of raw uint8 pixels"
