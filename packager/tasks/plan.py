"""`task=plan`: what a build would do and which version would appear; writes nothing."""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from packager import console
from packager.model_config.render import render
from packager.repository.layout import ModelPaths
from packager.repository.versions import next_version, versions
from packager.spec.job import Job, PlanFormat, PlanTask
from packager.tasks.preflight import require_scores

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A build that has not happened: its steps, its version and its change of `config.pbtxt`.

    `config_diff` is a unified diff, None where the config follows from the artifact yet to come.
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
    trainer = recipe.trainer
    batch_size = trainer.batch_size
    sources = ", ".join(map(str, recipe.dataset.sources))
    return Plan(
        model=recipe.name,
        version=next_version(model.directory),
        present_versions=versions(model.directory),
        steps=(
            f"data:    {recipe.dataset.name}, from the cache or the first that serves of {sources}",
            f"train:   {trainer.epochs} epochs of {trainer.optimizer.value}, batch {batch_size}",
            f"export:  TorchScript ({recipe.export_method.value})",
            "prove:   rules, contract, batching, parity, live",
            f"publish: {model.version(next_version(model.directory))}",
        ),
        config_diff=_config_diff(recipe, model),
    )


def _config_diff(recipe: Recipe, model: ModelPaths) -> str | None:
    if not (recipe.inputs and recipe.outputs):
        return None
    before = model.config.read_text() if model.config.exists() else ""
    return "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            render(recipe).splitlines(keepends=True),
            fromfile="published config.pbtxt" if before else "no config.pbtxt",
            tofile="config.pbtxt",
        )
    )
