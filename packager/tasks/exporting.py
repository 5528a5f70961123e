"""The export stage: the artifact's bytes, and the outputs that follow from it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from packager.export import existing, fresh_process, torchscript
from packager.export.artifact import ARTIFACT_NAME
from packager.model_config.warmup import MOST_BYTES
from packager.proof import contract
from packager.proof.samples import generated
from packager.spec.architecture import TorchScriptSpec
from packager.spec.plain import plain
from packager.stages.output import Output
from packager.stages.walk import ARTIFACT, SAMPLE

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe
    from packager.stages.walk import Walk
    from packager.tasks.ingredients import Ingredients


def export(walk: Walk, ingredients: Ingredients) -> Output:
    """Make the artifact.

    Raises:
        SpecError, ProofError: the module is not TorchScript, or the file that is packaged as it is.
    """
    recipe = walk.recipe
    with TemporaryDirectory(prefix="packager-export-") as folder:
        path = Path(folder) / ARTIFACT_NAME
        if isinstance(recipe.architecture, TorchScriptSpec):
            existing.copy_in(recipe.architecture, path)
            method = "the file as it is"
        else:
            fresh_process.export(ingredients.exported(), path)
            method = recipe.export.optimize.value
        outputs = contract.derive_outputs(recipe, torchscript.load(path)).outputs
        content = path.read_bytes()
    return Output(
        value={
            "finding": f"TorchScript ({method}), {len(content):,} bytes",
            "outputs": plain(outputs),
        },
        files={ARTIFACT: content, **_samples(recipe)},
    )


def _samples(recipe: Recipe) -> dict[str, bytes]:
    """Return the first of the proofs' rows for a model without data, one file an input, raw."""
    if recipe.dataset is not None:
        return {}
    raw = [rows[0].contiguous().numpy().tobytes() for rows in generated(recipe.inputs)]
    if sum(map(len, raw)) > MOST_BYTES:
        return {}
    return {SAMPLE.format(index): content for index, content in enumerate(raw)}
