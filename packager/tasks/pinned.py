"""Forms that need no measuring: chosen before, or not measurable here; imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.export.choice import Choice
from packager.repository.destination import destination_of
from packager.repository.state import read
from packager.server import gpus
from packager.spec.job import Stage
from packager.spec.recipe import DEFAULT_FORM, ExportForm
from packager.spec.serving import InstanceKind
from packager.stages.output import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packager.repository.record import Record
    from packager.spec.recipe import Recipe
    from packager.stages.walk import Walk


def unmeasured(recipe: Recipe) -> str | None:
    """Return why forms cannot be measured on this host for the recipe's instances; None: they can.

    One artifact serves every kind of instance.
    """
    kinds = recipe.serving.instance_kinds
    if InstanceKind.KIND_GPU in kinds:
        return "instances of KIND_GPU are not measured on a CPU"
    if InstanceKind.KIND_AUTO in kinds and gpus.has_gpu():
        return "instances of KIND_AUTO may run on this host's GPU, which is not measured"
    return None


def choice_output(choice: Choice, recipe: Recipe, *, version: int | None = None) -> Output:
    """Return a choice as its stage's output; `version` is the one that it was taken from."""
    unit = "images" if recipe.dataset is not None else "rows"
    finding = choice.told(unit) + (f"; pinned by version {version}" if version else "")
    return Output(value={"finding": finding, **choice.as_json()})


def known(walk: Walk, newest: Record | None) -> Output | None:
    """Return the stage's output where nothing has to be measured for it; None where it has to run.

    The newest version's choice stays, where it was made for the very same, though what is kept of
    builds is lost.
    """
    reason = unmeasured(walk.recipe)
    if reason is not None:
        return choice_output(Choice(form=DEFAULT_FORM, why=reason), walk.recipe)
    if newest is None or newest.stage_key(Stage.optimize.value) != walk.key(Stage.optimize):
        return None
    try:
        choice = Choice.from_json(
            {**newest.content["export"], "measured": newest.content["times"]["rows_per_second"]}
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return choice_output(choice, walk.recipe, version=newest.version)


def known_by_published(walk: Walk, *, again: bool) -> Output | None:
    """Return the same by what is published; `again` asks for measuring anew where it can be."""
    files = destination_of(walk.job.repository).files()
    return known(walk, None if again else read(files, walk.recipe.name).newest)


def export_record(walk: Walk) -> dict[str, Any]:
    """Return what a manifest says of the artifact's form, but for the rates."""
    form = walk.recipe.export.optimize
    if Stage.optimize not in walk.results:
        return {"asked": form.value, "form": form.value, "why": "the recipe says so"}
    told = walk.value(Stage.optimize)
    kept: Mapping[str, Any] = {key: told[key] for key in ("form", "why", "refused")}
    return {"asked": ExportForm.auto.value, **kept}


def rates_record(walk: Walk) -> Mapping[str, Any]:
    """Return the rows per second of each form that was measured, by batch size."""
    if Stage.optimize not in walk.results:
        return {}
    measured: Mapping[str, Any] = walk.value(Stage.optimize)["measured"]
    return measured
