"""The render stage: every text that Triton reads beside the artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.model_config.render import STAGED_VERSION, label_filename, render
from packager.stages.output import Output

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe


def rendered(recipe: Recipe, *, version: int = STAGED_VERSION) -> Output:
    """Return the texts of a model's config, of its hosts' configs, and its labels."""
    labelled = any(label_filename(tensor, recipe) for tensor in recipe.outputs)
    return Output(
        value={
            "finding": "config.pbtxt",
            "config": render(recipe, version=version),
            "host_configs": {
                host.name: render(recipe.on(host), version=version) for host in recipe.serving.hosts
            },
            "labels": list(recipe.classes) if labelled else [],
        }
    )
