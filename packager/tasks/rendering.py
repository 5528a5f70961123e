"""The render stage: every text that Triton reads beside the artifact."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from packager.model_config.render import STAGED_VERSION, label_filename
from packager.model_config.render import render as render_config
from packager.model_config.warmup import warmup
from packager.stages.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.model_config.warmup import Sample
    from packager.spec.recipe import Recipe


def rendered(
    recipe: Recipe, samples: Sequence[Sample] = (), *, version: int = STAGED_VERSION
) -> Output:
    """Return the texts of a model's config, of its hosts' configs, and its labels.

    The model is run with `samples`, one an input, while it loads.
    """
    render = partial(render_config, version=version, warmup=warmup(recipe, samples))
    labelled = any(label_filename(tensor, recipe) for tensor in recipe.outputs)
    return Output(
        value={
            "finding": "config.pbtxt",
            "config": render(recipe),
            "host_configs": {host.name: render(recipe.on(host)) for host in recipe.serving.hosts},
            "labels": list(recipe.classes) if labelled else [],
        }
    )
