"""`task=plan`: what a build would do, why, and which version would appear; writes nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from packager import console
from packager.cache.store import LostError
from packager.datasets.at_hand import at_hand
from packager.errors import PackagerError, SpecError
from packager.export.choice import CANDIDATES
from packager.model_config.warmup import with_samples_of
from packager.repository.destination import destination_of
from packager.repository.state import read
from packager.spec.architecture import TorchScriptSpec
from packager.spec.job import PlanFormat, Stage
from packager.spec.recipe import ExportForm, Pixels
from packager.spec.training import NoTrainerSpec
from packager.stages.reasons import changes, told
from packager.stages.start import begun
from packager.tasks.compatibility import require_compatible
from packager.tasks.pinned import known
from packager.tasks.preflight import require_scores
from packager.tasks.rendering import rendered
from packager.tasks.text_change import TextChange
from packager.tasks.unchanged import same_version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from packager.model_config.warmup import Sample
    from packager.repository.state import ModelState
    from packager.spec.architecture import WeightsSpec
    from packager.spec.job import Job, PlanTask
    from packager.spec.recipe import Recipe
    from packager.stages.walk import Walk


NEEDS: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.data: (),
    Stage.train: (Stage.data,),
    Stage.optimize: (Stage.data, Stage.train),
    Stage.export: (Stage.data, Stage.train, Stage.optimize),
    Stage.rules: (Stage.render,),
    Stage.contract: (Stage.export, Stage.render),
    Stage.batching: (Stage.export,),
    Stage.parity: (Stage.export,),
    Stage.live: (Stage.export, Stage.render, Stage.parity),
}
"""The stages without whose results a stage's key is not known; see also `_needed_to_render`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One stage: what it does, whether its result is `reused`, and else why it runs."""

    stage: str
    does: str
    reused: bool
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A build that has not happened.

    `version` is the one that would appear, None where nothing would be published: `same_version`
    is there. `config_diff` is
    a unified diff of `config.pbtxt`, then of hosts' configs and labels; None where they follow
    from the artifact yet to come. `triton` says what a server that polls would do. `refused` is why
    the build would end without publishing, as far as that is known now.
    """

    model: str
    repository: str
    version: int | None
    same_version: int | None
    present_versions: tuple[int, ...]
    served_versions: tuple[int, ...]
    steps: tuple[Step, ...]
    config_diff: str | None
    triton: tuple[str, ...]
    refused: str | None


def run(job: Job, task: PlanTask) -> None:
    """Print the plan of building the job's recipe."""
    plan = make(job)
    if task.format is PlanFormat.json:
        console.out.print_json(json.dumps(asdict(plan)))
        return
    if plan.version is None:
        told = f"is unchanged: nothing would be published to {plan.repository}"
        if plan.same_version not in plan.served_versions:
            told += f", and version {plan.same_version}, which is the same, is not served"
    else:
        told = f"version {plan.version} would be published to {plan.repository}"
    console.out.print(f"[bold]{plan.model}[/] {told}", soft_wrap=True)
    for step in plan.steps:
        console.out.print(f"  {step.stage:8}  {step.reason}: {step.does}", markup=False)
    if plan.config_diff is None:
        console.out.print("config.pbtxt: inputs and outputs would follow from the artifact")
    else:
        console.out.print(plan.config_diff or "config.pbtxt: unchanged", markup=False)
    for line in plan.triton:
        console.out.print(f"Triton {line}", markup=False)
    if plan.refused is not None:
        console.out.print(f"refused: {plan.refused}", markup=False)


def make(job: Job) -> Plan:
    """Return the plan; reads the repository and what is kept of earlier builds, writes nothing.

    Raises:
        SpecError: the recipe contradicts itself.
        UnavailableError: a remote repository cannot be read.
    """
    require_scores(job.require_recipe())
    destination = destination_of(job.repository)
    state = read(destination.files(), job.require_recipe().name)
    with begun(job, frozen=True) as walk:
        if walk.recipe.dataset is not None:
            walk.fetched = at_hand(
                walk.recipe.dataset, cache=job.cache.path / "data", digest=walk.digest
            )
        steps = tuple(_steps(walk, state))
        # Proofs that would run change nothing of what clients see.
        is_known = {Stage.export, Stage.render} <= walk.results.keys()
        same = same_version(walk) if is_known else None
        version = None if same is not None else destination.next_version(state.name)
        texts = _texts(walk, state, version)
        change = None if texts is None else TextChange.of(destination.files(), state, texts)
        if same is not None:
            change = TextChange(before={}, after={})
    return Plan(
        model=state.name,
        repository=destination.title,
        version=version,
        same_version=same,
        present_versions=state.versions,
        served_versions=state.served,
        steps=steps,
        config_diff=None if change is None else change.diff(),
        triton=() if change is None or version is None else change.by_triton(state, version),
        refused=None if texts is None else _refusal(job, walk.recipe),
    )


def _steps(walk: Walk, state: ModelState) -> Iterator[Step]:
    """Go from stage to stage as far as keys are known; yield what each would do."""
    for stage in walk.stages:
        does = _does(stage, walk)
        needed = NEEDS[stage] if stage is not Stage.render else _needed_to_render(walk.recipe)
        missing = [one for one in needed if one in walk.stages and one not in walk.results]
        if missing:
            yield Step(
                stage=stage.value, does=does, reused=False, reason=f"after {missing[0].value}"
            )
            continue
        reason = _reason(stage, walk, state)
        if reason is None:
            does = _does(stage, walk)
            yield Step(stage=stage.value, does=does, reused=True, reason="reused")
            continue
        if stage is Stage.render:
            # So quick that it is done for the plan's own sake.
            inputs = walk.inputs(stage)
            output = rendered(walk.recipe, _samples(walk))
            walk.keep(stage, output, inputs=inputs, seconds=0.0)
        yield Step(stage=stage.value, does=does, reused=False, reason=reason)


def _needed_to_render(recipe: Recipe) -> Iterator[Stage]:
    """Yield the stages that tell what the recipe leaves out of its configs and labels.

    One of them tells a warmup's sample.
    """
    has_warmup = recipe.serving.warmup > 0
    if recipe.dataset is not None and (has_warmup or not (recipe.inputs and recipe.classes)):
        yield Stage.data
    if not recipe.outputs or (has_warmup and recipe.dataset is None):
        yield Stage.export


def _samples(walk: Walk) -> tuple[Sample, ...]:
    """Return a warmup's samples, or what stands for them where they are not kept any more."""
    try:
        return walk.samples()
    except LostError:
        return walk.unknown_samples()


def _reason(stage: Stage, walk: Walk, state: ModelState) -> str | None:
    """Return why a stage would run; None where its result is kept, and is gone on with."""
    if stage is Stage.data and walk.fetched is None:
        return "to be fetched"
    try:
        found = walk.find(stage)
        inputs = walk.inputs(stage)
        known_form = known(walk, state.newest) if stage is Stage.optimize else None
    except PackagerError as error:
        return f"cannot be told ({error.problem})"
    except OSError as error:
        return f"cannot be told ({error.filename}: {error.strerror})"
    if found is None and known_form is not None:
        walk.keep(stage, known_form, inputs=inputs, seconds=0.0)
        return None
    if found is None:
        return _difference(stage, walk, state, inputs)
    walk.take(stage, found)
    return None


def _difference(stage: Stage, walk: Walk, state: ModelState, inputs: Mapping[str, Any]) -> str:
    """Return how what a stage reads differs from what it read for the newest version."""
    if state.newest is None:
        return "no earlier build"
    key = state.newest.stage_key(stage.value)
    before = walk.store.inputs_of(stage.value, key) if key else None
    found = changes(before, inputs) if before is not None else []
    return f"changed because {told(found)}" if found else "its result is not kept any more"


def _texts(walk: Walk, state: ModelState, version: int | None) -> Mapping[str, Any] | None:
    """Return the texts that would be published; None where they are not known yet.

    A warmup's sample that is not known yet is the one that is published, or left open.
    """
    recipe = walk.recipe
    if Stage.render in walk.results:
        samples = _samples(walk)
    elif recipe.inputs and recipe.outputs and (recipe.dataset is None or recipe.classes):
        samples = walk.unknown_samples()
    else:
        return None
    number = version or (state.versions[-1] if state.versions else 1)
    texts = rendered(recipe, samples, version=number).value
    destination = destination_of(walk.job.repository)

    def as_published(text: str) -> str:
        known = with_samples_of(state.config or "", text)
        return destination.as_published(known, number=number, versions=state.versions)

    hosts = {host: as_published(text) for host, text in texts["host_configs"].items()}
    return {**texts, "config": as_published(texts["config"]), "host_configs": hosts}


def _refusal(job: Job, recipe: Recipe) -> str | None:
    """Return why the new config is not taken beside what is published."""
    try:
        require_compatible(job, recipe)
    except SpecError as error:
        return str(error)
    return None


def _does(stage: Stage, walk: Walk) -> str:
    """Return what a stage works on."""
    recipe = walk.recipe
    match stage:
        case Stage.data if recipe.dataset is not None:
            sources = ", ".join(map(str, recipe.dataset.sources))
            return f"{recipe.dataset.name}, from the cache or the first that serves of {sources}"
        case Stage.train if not isinstance(recipe.architecture, TorchScriptSpec):
            return _training(recipe, recipe.architecture.weights)
        case Stage.optimize | Stage.export:
            return _optimize(walk) if stage is Stage.optimize else _export(recipe)
        case Stage.render:
            return f"config.pbtxt{_hosts(recipe)}"
        case Stage.parity:
            asked = "every test image" if recipe.dataset is not None else "generated inputs"
            return f"proof of parity on {asked}"
        case _:
            return "proof " + ("by a real Triton" if stage is Stage.live else f"of {stage.value}")


def _training(recipe: Recipe, weights: WeightsSpec | None) -> str:
    trainer = recipe.trainer
    if isinstance(trainer, NoTrainerSpec):
        return f"none: weights {'of' if weights else 'drawn from'} " + (
            str(weights.path) if weights else f"seed {trainer.seed}"
        )
    steps = f"{trainer.epochs} epochs of {trainer.optimizer.value}, batch {trainer.batch_size}"
    return f"{steps}, beginning with {weights.path}" if weights else steps


def _optimize(walk: Walk) -> str:
    """Return which forms would be measured, or which one was taken."""
    if Stage.optimize in walk.results:
        return str(walk.value(Stage.optimize)["finding"])
    forms = ", ".join(form.value for form in CANDIDATES)
    largest = walk.recipe.serving.max_batch_size
    batches = f" at batches of 1 and {largest}" if largest > 1 else ""
    return f"would be measured on this host: {forms}{batches}"


def _export(recipe: Recipe) -> str:
    if isinstance(recipe.architecture, TorchScriptSpec):
        return f"{recipe.architecture.path} as it is"
    form = recipe.export.optimize
    told = "the form that is chosen" if form is ExportForm.auto else form.value
    text = f"TorchScript ({told})"
    return f"{text} of raw uint8 pixels" if recipe.export.pixels is Pixels.uint8 else text


def _hosts(recipe: Recipe) -> str:
    """Return which hosts get a config of their own; a GPU's is only run where there is one."""
    hosts = recipe.serving.hosts
    told_hosts = ", ".join(f"{host.name} ({host.instance_group.kind.value})" for host in hosts)
    return f" and a config each for hosts {told_hosts}" if hosts else ""
