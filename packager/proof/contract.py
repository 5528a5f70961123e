"""Proof 2: recipe, artifact and config agree; what the recipe leaves out follows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from packager.errors import ProofError
from packager.export.dtypes import DATA_TYPES
from packager.model_config.parse import parse
from packager.proof.as_configured import require_config
from packager.proof.devices import require_portable
from packager.proof.positions import require_order
from packager.proof.promise import require_promised
from packager.proof.result import Proof
from packager.proof.signature import argument_names, require_tensors_returned
from packager.proof.trials import Trial, further_trials, trials
from packager.spec.tensors import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from packager.proof.probing import Shape
    from packager.spec.recipe import Recipe
    from packager.spec.serving import ServingSpec


def derive_outputs(recipe: Recipe, artifact: torch.jit.ScriptModule) -> Recipe:
    """Return the recipe with its outputs: its own, or the artifact's as `output0`, `output1`...

    A dimension that follows one of the inputs that vary is -1.

    Raises:
        ProofError: the artifact gives something else than tensors.
    """
    if recipe.outputs:
        return recipe
    runs = _tried(recipe, artifact)
    for run in runs:
        _require_as_many(runs[0], run)
    _require_same_for_values(recipe.serving, runs)
    outputs = tuple(
        TensorSpec(
            name=f"output{index}",
            data_type=DATA_TYPES[output.dtype],
            dims=_common([run.sample_shape(index) for run in runs], index, recipe.serving),
        )
        for index, output in enumerate(runs[0].outputs)
    )
    return dataclasses.replace(recipe, outputs=outputs)


def prove(recipe: Recipe, artifact: torch.jit.ScriptModule, *, config: str) -> Proof:
    """Compare recipe, artifact and `config`, the text of `config.pbtxt`, each with the others.

    Raises:
        ProofError: number, order, type, rank or size of an input or output differ, a dimension of
            -1 has one size only, a device is written into the artifact, or labels do not fit.
    """
    compare(recipe, artifact)
    require_config(parse(config), artifact, recipe)
    return Proof(
        name="contract",
        finding=f"{_words(recipe.inputs)} -> {_words(recipe.outputs)}, as the artifact and"
        " config.pbtxt have them",
    )


def compare(recipe: Recipe, artifact: torch.jit.ScriptModule) -> None:
    """Compare recipe and artifact: what needs no config, and can be known before training.

    Raises:
        ProofError: as `prove` does.
    """
    runs = _tried(recipe, artifact)
    for run in runs:
        require_promised(recipe.outputs, run.rows(), asked=run.asked)
    _require_same_for_values(recipe.serving, runs)
    _require_varying(recipe, runs)
    _require_labels(recipe, runs[0])


def _tried(recipe: Recipe, artifact: torch.jit.ScriptModule) -> list[Trial]:
    """Return what the artifact gives, once its signature is known to be one for libtorch."""
    arguments = argument_names(artifact)
    if len(arguments) != len(recipe.inputs):
        raise ProofError(
            f"forward() takes {len(arguments)} inputs, the recipe names {len(recipe.inputs)}",
            where="inputs",
            remedy=f"name each: {', '.join(arguments)}",
        )
    require_order(recipe, arguments)
    require_tensors_returned(artifact)
    require_portable(artifact, recipe.serving.instance_kinds)
    return [*trials(recipe, artifact), *further_trials(recipe, artifact)]


def _require_varying(recipe: Recipe, runs: Sequence[Trial]) -> None:
    """Check that an output's dims of -1 do vary; an axis that may be empty follows from values."""
    open_axes = [
        (index, axis)
        for index, tensor in enumerate(recipe.outputs)
        for axis, size in enumerate(tensor.dims)
        if size == -1
    ]
    for index, axis in open_axes:
        found = {run.sample_shape(index)[axis] for run in runs}
        if len(found) == 1 and found != {0}:
            (size,) = found
            raise ProofError(
                f"is -1, any size, and the artifact gives {size} whatever it is asked",
                where=f"outputs[{index}].dims[{axis}]",
                remedy=f"set {size}, or leave outputs out",
            )


def _require_labels(recipe: Recipe, run: Trial) -> None:
    """Check that a model's one output has a score a class, where the data have classes."""
    classes = len(recipe.classes)
    if not classes or len(run.outputs) != 1 or not run.outputs[0].is_floating_point():
        return
    shape = run.sample_shape(0)
    if shape[-1:] != (classes,):
        raise ProofError(
            f"the artifact gives {list(shape)}; the dataset has {classes} classes, a label each",
            where="outputs[0].dims",
            remedy=f"package a model with {classes} scores, correct dataset.classes, or choose"
            " dataset=none for one that gives no scores",
        )


def _require_same_for_values(serving: ServingSpec, runs: Sequence[Trial]) -> None:
    """Check that values decide no shape where rows share a batch: one row's would be all rows'."""
    if 1 in (serving.max_batch_size, serving.batch_dim):
        return
    first = runs[0]
    for run in runs:
        if first.batch is None or not run.asked:
            continue
        for index in range(len(first.outputs)):
            ours, theirs = first.sample_shape(index), run.sample_shape(index)
            if ours != theirs:
                raise ProofError(
                    f"one row's answer is {list(ours)} on zeros and {list(theirs)} on {run.asked}:"
                    " a row's values would decide the shape of its neighbours' answers",
                    where=f"outputs[{index}].dims",
                    remedy="return one shape whatever the values, or choose serving=unbatched"
                    " serving.batch_dim=null, where it may follow from them",
                )


def _require_as_many(first: Trial, run: Trial) -> None:
    if len(run.outputs) != len(first.outputs):
        raise ProofError(
            f"the artifact gives {len(first.outputs)} outputs, and {len(run.outputs)}"
            f" {f'on {run.asked}' if run.asked else 'for inputs of other sizes'}",
            where="outputs",
            remedy="return as many whatever it is asked",
        )


def _common(shapes: Sequence[Shape], index: int, serving: ServingSpec) -> Shape:
    """Return one output's dims over all runs: -1 where they differ, or nothing was ever found."""
    if len({len(shape) for shape in shapes}) > 1:
        raise ProofError(
            f"output {index} has another rank for other inputs",
            where="outputs",
            remedy="return the same rank whatever the inputs",
        )
    dims = tuple(found[0] if len(set(found)) == 1 else -1 for found in zip(*shapes, strict=True))
    if serving.max_batch_size == 0 and serving.batch_dim is None:
        return tuple(size or -1 for size in dims)
    if 0 in dims:
        raise ProofError(
            f"output {index} is empty, {list(dims)}, on all that packager generates",
            where="outputs",
            remedy="return something, or give outputs, with -1 where the size follows from values",
        )
    return dims


def _words(tensors: Sequence[TensorSpec]) -> str:
    return ", ".join(
        f"{tensor.name} {tensor.data_type.value} {list(tensor.dims)}" for tensor in tensors
    )
