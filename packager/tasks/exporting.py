"""The export stage: the artifact's bytes, and the outputs that follow from it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from packager.export import existing, fresh_process, torchscript
from packager.export.artifact import ARTIFACT_NAME
from packager.proof import contract
from packager.spec.architecture import TorchScriptSpec
from packager.spec.plain import plain
from packager.stages.output import Output
from packager.stages.walk import ARTIFACT

if TYPE_CHECKING:
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
        files={ARTIFACT: content},
    )
