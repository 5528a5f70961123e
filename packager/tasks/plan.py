"""`task=plan`: what a build would do and which version would appear; writes nothing."""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from packager import console
from packager.model_config.render import render
from packager.repository.layout import CONFIG_FILE, CONFIGS_FOLDER, ModelPaths
from packager.repository.versions import next_version, versions
from packager.spec.architecture import TorchScriptSpec
from packager.spec.job import Job, PlanFormat, PlanTask
from packager.spec.recipe import Pixels
from packager.spec.training import NoTrainerSpec
from packager.tasks.preflight import require_scores

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A build that has not happened: its steps, its version and its change of configs.

    `config_diff` is a unified diff of `config.pbtxt`, then of hosts' configs; None where they
    follow from the artifact yet to come.
    """

    model: str
    version: int
    present_versions: tuple[int, ...]
    steps: tuple[str, ...]
    config_diff: str | None


def run(job: Job, task: PlanTask) -> None:
    """Print the plan of building the job's recipe."""
    plan = make(job)
    if task.format is PlanFormat.json:
        console.out.print_json(json.dumps(asdict(plan)))
        return
    console.out.print(
        f"[bold]{plan.model}[/]: version {plan.version} would be published to {job.repository.path}"
    )
    for step in plan.steps:
        console.out.print(f"  {step}")
    if plan.config_diff is None:
        console.out.print("config.pbtxt: inputs and outputs would follow from the artifact")
    else:
        console.out.print(plan.config_diff or "config.pbtxt: unchanged", markup=False)


def make(job: Job) -> Plan:
    """Return the plan; reads the repository only.

    Raises:
        SpecError: the recipe contradicts itself.
    """
    recipe = job.require_recipe()
    require_scores(recipe)
    model = ModelPaths(job.repository.path / recipe.name)
    return Plan(
        model=recipe.name,
        version=next_version(model.directory),
        present_versions=versions(model.directory),
        steps=(
            f"data:    {_data(recipe)}",
            f"train:   {_training(recipe)}",
            f"export:  {_export(recipe)}",
            f"prove:   rules, contract, batching, parity, live{_hosts(recipe)}",
            f"publish: {model.version(next_version(model.directory))}",
        ),
        config_diff=_config_diff(recipe, model),
    )


def _data(recipe: Recipe) -> str:
    if recipe.dataset is None:
        return "none: proofs run on generated inputs"
    sources = ", ".join(map(str, recipe.dataset.sources))
    return f"{recipe.dataset.name}, from the cache or the first that serves of {sources}"


def _training(recipe: Recipe) -> str:
    trainer, architecture = recipe.trainer, recipe.architecture
    if isinstance(architecture, TorchScriptSpec):
        return "none: the file holds its weights"
    weights = architecture.weights
    if isinstance(trainer, NoTrainerSpec):
        return f"none: weights {'of' if weights else 'drawn from'} " + (
            str(weights.path) if weights else f"seed {trainer.seed}"
        )
    steps = f"{trainer.epochs} epochs of {trainer.optimizer.value}, batch {trainer.batch_size}"
    return f"{steps}, beginning with {weights.path}" if weights else steps


def _export(recipe: Recipe) -> str:
    if isinstance(recipe.architecture, TorchScriptSpec):
        return f"{recipe.architecture.path} as it is"
    text = f"TorchScript ({recipe.export.method.value})"
    return f"{text} of raw uint8 pixels" if recipe.export.pixels is Pixels.uint8 else text


def _hosts(recipe: Recipe) -> str:
    """Return which hosts get a config of their own; a GPU's is only run where there is one."""
    hosts = recipe.serving.hosts
    told = ", ".join(f"{host.name} ({host.instance_group.kind.value})" for host in hosts)
    return f"; a config each for hosts {told}" if hosts else ""


def _config_diff(recipe: Recipe, model: ModelPaths) -> str | None:
    """Return how `config.pbtxt` and the configs of hosts would change, one diff after the other."""
    if not (recipe.inputs and recipe.outputs):
        return None
    before = {CONFIG_FILE: model.config} | {
        f"{CONFIGS_FOLDER}/{path.name}": path for path in model.host_configs().values()
    }
    after = {CONFIG_FILE: render(recipe)} | {
        f"{CONFIGS_FOLDER}/{host.name}.pbtxt": render(recipe.on(host))
        for host in recipe.serving.hosts
    }
    return "".join(
        _diff(name, _text(before.get(name)), after.get(name, "")) for name in before | after
    )


def _text(path: Path | None) -> str:
    return path.read_text() if path is not None and path.exists() else ""


def _diff(name: str, before: str, after: str) -> str:
    return "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            fromfile=f"published {name}" if before else f"no {name}",
            tofile=name if after else f"no {name}",
        )
    )
