"""Runs of an artifact on zeros: at several batch sizes, and at several sizes of what varies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from packager.errors import ProofError
from packager.export.dtypes import DATA_TYPES, TORCH_DTYPES
from packager.proof.asking import FAILURES, NoTensorsError, answers, told
from packager.proof.inputs import VARIABLE_SIZES, sizes
from packager.proof.probing import Shape, only_size, only_size_of_axis
from packager.proof.samples import Rows, generated, repeated, request_sizes
from packager.proof.signature import not_returned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packager.spec.recipe import Recipe
    from packager.spec.serving import ServingSpec
    from packager.spec.tensors import TensorSpec

FEW = 8
"""Rows that are tried to say which batches an artifact takes that does not take one."""

SMALL = 5
"""The largest batch that is tried here; `batching` tries the largest there is."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trial:
    """What an artifact gave for a batch of `batch` rows; None is no batch axis."""

    batch: int | None
    outputs: Rows

    def sample_shape(self, index: int) -> Shape:
        """Return an output's shape without the batch axis."""
        shape = tuple(self.outputs[index].shape)
        return shape if self.batch is None else shape[1:]


def trials(recipe: Recipe, artifact: torch.jit.ScriptModule) -> list[Trial]:
    """Run at every small batch size, then at every size of the dims that vary.

    Raises:
        ProofError: a run fails, gives what libtorch does not return, or one sample's output has
            another shape in a larger batch.
    """
    batches = _batch_sizes(recipe.serving)
    first = _try(recipe, artifact, batches[0], _sizes_of(recipe, VARIABLE_SIZES[0]))
    if isinstance(first, Exception):
        raise _not_taken(recipe, artifact, batches[0], VARIABLE_SIZES[0], first)
    done = [first]
    for batch in batches[1:]:
        run = _try(recipe, artifact, batch, _sizes_of(recipe, VARIABLE_SIZES[0]))
        if isinstance(run, Exception):
            raise _batch_not_taken(recipe.serving, batches[0], batch, run)
        _require_same_samples(first, run)
        done.append(run)
    varies = any(-1 in tensor.dims for tensor in recipe.inputs)
    for size in VARIABLE_SIZES[1:] if varies else ():
        run = _try(recipe, artifact, batches[-1], _sizes_of(recipe, size))
        if isinstance(run, Exception):
            raise _not_taken(recipe, artifact, batches[-1], size, run)
        done.append(run)
    return done


def further_trials(recipe: Recipe, artifact: torch.jit.ScriptModule) -> Iterator[Trial]:
    """Run on other numbers than zeros: the size of an output may follow from values."""
    batch = _batch_sizes(recipe.serving)[-1]
    for seed in range(3):
        rows = repeated(generated(recipe.inputs, count=SMALL, seed=seed), batch or 1)
        rows = rows if batch is not None else tuple(tensor[0] for tensor in rows)
        try:
            yield Trial(batch=batch, outputs=_returned(answers(artifact, rows)))
        except FAILURES as error:
            raise ProofError(
                f"the artifact fails on generated inputs: {told(error)}",
                where="inputs",
                remedy="correct data types and dims",
            ) from error


def _batch_sizes(serving: ServingSpec) -> tuple[int | None, ...]:
    tried = request_sizes(serving)
    small = tuple(size for size in tried if size is None or size <= SMALL)
    return small or tried[:1]


def _sizes_of(recipe: Recipe, variable: int) -> tuple[Shape, ...]:
    return tuple(sizes(tensor, variable=variable) for tensor in recipe.inputs)


def _try(
    recipe: Recipe, artifact: torch.jit.ScriptModule, batch: int | None, dims: tuple[Shape, ...]
) -> Trial | Exception:
    """Run once on zeros; return what the artifact raises.

    Raises:
        ProofError: it gives what libtorch does not return.
    """
    try:
        zeros = tuple(map(_zeros, recipe.inputs, _with_batch(batch, dims)))
        outputs = answers(artifact, zeros)
    except NoTensorsError as error:
        raise not_returned(error.kind) from error
    except FAILURES as error:
        return error
    return Trial(batch=batch, outputs=_returned(outputs))


def _with_batch(batch: int | None, dims: tuple[Shape, ...]) -> list[Shape]:
    return [shape if batch is None else (batch, *shape) for shape in dims]


def _zeros(tensor: TensorSpec, shape: Shape) -> torch.Tensor:
    return torch.zeros(shape, dtype=TORCH_DTYPES[tensor.data_type])


def _returned(outputs: Rows) -> Rows:
    """Return the outputs, each one that libtorch returns."""
    for output in outputs:
        if output.dim() == 0:
            raise not_returned(
                "a scalar, a tensor of rank 0",
                "return one number a sample, [N] or [N, 1], such as x.flatten(1).sum(1)",
            )
        if output.dtype not in DATA_TYPES:
            raise not_returned(f"a tensor of {output.dtype}", "convert it, as in y.float()")
    return outputs


def _require_same_samples(first: Trial, other: Trial) -> None:
    """Check that a sample's answer has its shape whatever the batch."""
    if len(first.outputs) != len(other.outputs):
        raise ProofError(
            f"the artifact gives {len(first.outputs)} outputs for a batch of {first.batch}, and"
            f" {len(other.outputs)} for one of {other.batch}",
            where="outputs",
            remedy="return as many whatever the batch",
        )
    for index in range(len(first.outputs)):
        ours, theirs = first.sample_shape(index), other.sample_shape(index)
        if ours != theirs:
            raise ProofError(
                f"one sample's answer is {list(ours)} in a batch of {first.batch}, and"
                f" {list(theirs)} in one of {other.batch}",
                where=f"outputs[{index}].dims",
                remedy="put the batch dimension first and let no other follow it",
            )


def _batch_not_taken(
    serving: ServingSpec, taken: int | None, refused: int | None, error: Exception
) -> ProofError:
    return ProofError(
        f"the artifact takes a batch of {taken} and fails on a batch of {refused}: {told(error)}",
        where="serving.max_batch_size" if serving.max_batch_size > 0 else "serving.batch_dim",
        remedy="let forward() take any number of rows, or choose serving=unbatched"
        f" serving.batch_dim={taken}",
    )


def _not_taken(
    recipe: Recipe,
    artifact: torch.jit.ScriptModule,
    batch: int | None,
    variable: int,
    error: Exception,
) -> ProofError:
    """Return why inputs are not taken: by the one size that would be, where there is one."""

    def takes(rows: int | None, dims: tuple[Shape, ...]) -> bool:
        return isinstance(_try(recipe, artifact, rows, dims), Trial)

    dims = _sizes_of(recipe, variable)
    if batch is not None and _takes_any_batch(recipe.serving):
        taken = _first_taken(lambda rows: takes(rows, dims))
        if taken is not None:
            return _batch_not_taken(recipe.serving, taken, batch, error)
    fixed = only_size_of_axis(
        [tensor.dims for tensor in recipe.inputs], lambda tried: takes(batch, tried)
    )
    if fixed is not None:
        index, axis, size = fixed
        return ProofError(
            f"is -1, any size, and the artifact takes {size} only: {told(error)}",
            where=f"inputs[{index}].dims[{axis}]",
            remedy=f"set {size}",
        )
    shapes = " and ".join(str(list(shape)) for shape in _with_batch(batch, dims))
    return ProofError(
        f"the artifact does not take inputs of {shapes}: {told(error)}",
        where="inputs",
        remedy="correct dims, or serving.batch_dim",
    )


def _first_taken(takes: Callable[[int], bool]) -> int | None:
    """Return a batch size that is taken: a small one, or else the only one there is.

    Large ones may be taken for other reasons, where a module makes rows of what it is given.
    """
    small = next((rows for rows in range(1, FEW + 1) if takes(rows)), None)
    return only_size(takes) if small is None else small


def _takes_any_batch(serving: ServingSpec) -> bool:
    return serving.max_batch_size > 0 or serving.batch_dim == -1
