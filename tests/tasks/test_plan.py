"""What a plan says of a build, by what the recipe has: data, training, a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from packager.repository.layout import ModelPaths
from packager.spec.architecture import (
    LayersSpec,
    TorchScriptSpec,
    WeightsSpec,
)
from packager.spec.recipe import ExportForm, ExportSpec, Pixels
from packager.spec.training import NoTrainerSpec
from packager.tasks.plan import make
from tests.model_config.composing import job
from tests.model_config.specs import tensor, without_data

if TYPE_CHECKING:
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe

NOWHERE = ("repository.path=/nowhere/models", "cache.path=/nowhere/cache")
JOB = job("model=fashion_cnn", "task=plan", *NOWHERE)
FASHION = JOB.require_recipe()
FILE = TorchScriptSpec(path=Path("/models/detector.pt"))


def _steps(recipe: Recipe, given: Job = JOB) -> dict[str, str]:
    """Return what a plan's steps work on, by their names."""
    return {step.stage: step.does for step in make(replace(given, recipe=recipe)).steps}


def test_a_trained_model_has_data_and_epochs() -> None:
    """As always; the version is the first where there is none."""
    steps = _steps(FASHION)
    assert steps["data"].startswith("fashion_mnist, from the cache or the first that serves of ")
    assert " epochs of " in steps["train"]
    assert steps["export"] == "TorchScript (channels_last)"
    assert steps["parity"] == "proof of parity on every test image"
    plan = make(JOB)
    assert (plan.repository, plan.version) == ("/nowhere/models", 1)
    assert (plan.present_versions, plan.served_versions) == ((), ())


def test_a_form_that_is_yet_to_be_chosen_is_said() -> None:
    """What would be measured; a form that the recipe names is no stage."""
    chosen = replace(FASHION, export=replace(FASHION.export, optimize=ExportForm.auto))
    steps = _steps(chosen)
    assert steps["optimize"] == (
        "would be measured on this host: none, freeze, channels_last, bfloat16 at batches of 1"
        " and 128"
    )
    assert steps["export"] == "TorchScript (the form that is chosen)"
    assert "optimize" not in _steps(FASHION)


def test_a_file_is_packaged_as_it_is() -> None:
    """There are no stages of data and training; what the proofs are asked is said."""
    recipe = replace(without_data([tensor("x", 4)], [tensor("y", 4)]), architecture=FILE)
    steps = _steps(recipe)
    assert steps["export"] == "/models/detector.pt as it is"
    assert steps["parity"] == "proof of parity on generated inputs"
    assert not {"data", "train"} & set(steps)


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
    given = job(
        "model=fashion_cnn", "serving/hosts=cpu_and_gpu", f"repository.path={tmp_path}", NOWHERE[1]
    )
    model = ModelPaths(tmp_path / "fashion_cnn")
    model.configs.mkdir(parents=True)
    model.host_config("old").write_text("# old\n")
    render = _steps(given.require_recipe(), given)["render"]
    assert render == "config.pbtxt and a config each for hosts cpu (KIND_CPU), gpu (KIND_GPU)"
    diff = make(given).config_diff
    assert diff is not None
    assert "--- no configs/gpu.pbtxt\n+++ configs/gpu.pbtxt\n" in diff
    assert "+  kind: KIND_GPU\n" in diff
    assert "--- published configs/old.pbtxt\n+++ no configs/old.pbtxt\n" in diff
    assert diff.index("+++ config.pbtxt") < diff.index("+++ configs/cpu.pbtxt")


def test_raw_pixels_are_said() -> None:
    """They change what clients send."""
    recipe = replace(FASHION, inputs=(), export=ExportSpec(pixels=Pixels.uint8))
    assert _steps(recipe)["export"] == "TorchScript (channels_last) of raw uint8 pixels"


def _reasons(recipe: Recipe) -> dict[str, str]:
    """Return why stages run, by their names."""
    return {step.stage: step.reason for step in make(replace(JOB, recipe=recipe)).steps}


def test_why_each_stage_runs_is_said_as_far_as_it_is_known() -> None:
    """Without data at hand: not even the config, which names a sample of them by its content."""
    assert _reasons(FASHION) == {
        "data": "to be fetched",
        **dict.fromkeys(("train", "export", "render"), "after data"),
        "rules": "after render",
        **dict.fromkeys(("contract", "batching", "parity", "live"), "after export"),
    }


def test_the_config_is_shown_before_its_sample_is_known() -> None:
    """All but the digest in the sample's name; without a warmup to the byte."""
    shown = make(replace(JOB, recipe=FASHION)).config_diff
    assert shown is not None
    assert '+      input_data_file: "input0-????????"\n' in shown
    cold = replace(FASHION, serving=replace(FASHION.serving, warmup=0))
    assert _reasons(cold)["render"] == "no earlier build"
    assert "model_warmup" not in str(make(replace(JOB, recipe=cold)).config_diff)


def test_a_config_that_follows_from_the_data_or_the_artifact_is_not_shown() -> None:
    """Inputs and classes come from the data, outputs from the artifact."""
    assert FASHION.dataset is not None
    unknown = {
        "data": [
            replace(FASHION, inputs=()),
            replace(FASHION, dataset=replace(FASHION.dataset, classes=())),
            replace(FASHION, outputs=()),
        ],
        "export": [
            replace(without_data([tensor("x", 4)], []), architecture=FILE),
        ],
    }
    for stage, recipes in unknown.items():
        for made in recipes:
            assert _reasons(made)["render"] == f"after {stage}"
            assert make(replace(JOB, recipe=made)).config_diff is None


def test_the_plan_of_a_missing_file_says_so() -> None:
    """What depends on it cannot be told."""
    made = replace(without_data([tensor("x", 4)], [tensor("y", 4)]), architecture=FILE)
    told = "cannot be told (/models/detector.pt: No such file or directory)"
    assert _reasons(made)["export"] == told
