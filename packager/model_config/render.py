"""Recipe to `config.pbtxt` text: canonical, and the same on every host."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from google.protobuf.text_encoding import CEscape

from packager.resources import folder
from packager.spec.tensors import DataType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Template

    from packager.model_config.warmup import WarmupInput
    from packager.spec.recipe import Recipe
    from packager.spec.serving import ServingSpec
    from packager.spec.tensors import TensorSpec

PLATFORM = "pytorch_libtorch"
LABELS_FILE = "labels.txt"
TEMPLATE = "config.pbtxt.j2"
POLICY_BLOCK = re.compile(r"^version_policy \{\n(?: .*\n)*\}\n", re.MULTILINE)
"""The version policy as the template writes it; no other line of a config begins so."""

FLOATS = {DataType.FP16, DataType.FP32, DataType.FP64, DataType.BF16}


STAGED_VERSION = 1
"""A staged model's version directory; publishing gives it the next free number."""


def render(
    recipe: Recipe, *, version: int = STAGED_VERSION, warmup: Sequence[WarmupInput] = ()
) -> str:
    """Return the text of the recipe's `config.pbtxt`.

    `version` is the one that it is rendered for: a specific version policy names it. Inputs and
    outputs must be known by now: given by the recipe, or derived from the artifact. `warmup` is
    what the model is run with while it loads.
    """
    serving = recipe.serving
    return _template().render(
        name=recipe.name,
        platform=PLATFORM,
        max_batch_size=serving.max_batch_size,
        inputs=[_tensor(tensor, serving) for tensor in recipe.inputs],
        outputs=[
            _tensor(tensor, serving) | {"label_filename": label_filename(tensor, recipe)}
            for tensor in recipe.outputs
        ],
        instance_group={
            "count": serving.instance_group.count,
            "kind": serving.instance_group.kind.value,
            "gpus": serving.instance_group.gpus,
        },
        dynamic_batching=serving.dynamic_batching,
        warmup=warmup,
        warmup_count=serving.warmup,
        version_policy=serving.version_policy,
        specific_versions=serving.version_policy.specific(version),
    )


@cache
def _template() -> Template:
    """Read the template, once for all configs that a process renders."""
    # Imported here: who reads names of files renders nothing.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=FileSystemLoader(folder("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  no HTML here; `quote` escapes what protobuf needs
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = quote
    return environment.get_template(TEMPLATE)


def quote(text: str) -> str:
    """Quote a string as protobuf's text format does; JSON's escapes would not parse."""
    return f'"{CEscape(text.encode(), as_utf8=False)}"'


def config_dims(tensor: TensorSpec, serving: ServingSpec) -> tuple[int, ...]:
    """Return a tensor's dims as `config.pbtxt` writes them.

    With `max_batch_size` > 0 they are one sample's, and [1] for a single number; with 0 the batch
    dimension comes first.
    """
    if is_number(tensor, serving):
        return (1,)
    if serving.max_batch_size > 0 or serving.batch_dim is None:
        return tensor.dims
    return (serving.batch_dim, *tensor.dims)


def is_number(tensor: TensorSpec, serving: ServingSpec) -> bool:
    """Return whether a sample's tensor is one number: clients see [N, 1], the module [N].

    Triton takes no empty dims; `reshape` to none is its way of saying so.
    """
    return serving.max_batch_size > 0 and not tensor.dims


def label_filename(tensor: TensorSpec, recipe: Recipe) -> str:
    """Return the labels file of an output with one score a class, or nothing.

    Scores are floats; without known classes there are no labels.
    """
    is_scores = tensor.data_type in FLOATS and tensor.dims[-1:] == (len(recipe.classes),)
    return LABELS_FILE if is_scores else ""


def _tensor(tensor: TensorSpec, serving: ServingSpec) -> dict[str, object]:
    return {
        "name": tensor.name,
        "data_type": tensor.data_type.config_name,
        "dims": config_dims(tensor, serving),
        "is_number": is_number(tensor, serving),
    }
