"""Runs of an artifact on zeros: at several batch sizes, and at several sizes of what varies.

Where zeros are not taken (lengths, a mask of nothing), generated values are asked instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.errors import ProofError
from packager.export.dtypes import DATA_TYPES
from packager.proof.asking import FAILURES, NoTensorsError, answers, as_rows, told
from packager.proof.inputs import VARIABLE_SIZES, sizes
from packager.proof.not_taken import (
    Fill,
    drawn_values,
    fails_on_generated,
    shapes_not_taken,
    value_not_taken,
    zeros,
)
from packager.proof.probing import Shape, only_size, only_size_of_axis
from packager.proof.samples import Rows, each, generated, repeated, request_sizes
from packager.proof.signature import not_returned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from packager.spec.recipe import Recipe
    from packager.spec.serving import ServingSpec

FEW = 8
"""Rows that are tried to say which batches an artifact takes that does not take one."""

SMALL = 5
"""The largest batch that is tried here; `batching` tries the largest there is."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trial:
    """What an artifact gave for a batch of `batch` rows; None is no batch axis.

    `asked` says what it was asked, where that was more than the zeros of the first runs.
    """

    batch: int | None
    outputs: Rows
    asked: str = ""

    def rows(self) -> Rows:
        """Return the outputs [N, ...], of one sample without a batch axis too."""
        return as_rows(self.outputs) if self.batch is None else self.outputs

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
    try:
        return _trials(recipe, artifact, zeros)
    except _NotTakenError as refused:
        try:
            return _trials(recipe, artifact, drawn_values)
        except _NotTakenError:
            raise _told(recipe, artifact, refused) from refused.error


class _NotTakenError(Exception):
    """A run that failed: at which batch and size of what varies, and with which error."""

    def __init__(self, batch: int | None, variable: int, error: Exception) -> None:
        super().__init__(str(error))
        self.batch = batch
        self.variable = variable
        self.error = error


def _trials(recipe: Recipe, artifact: torch.jit.ScriptModule, fill: Fill) -> list[Trial]:
    batches = _batch_sizes(recipe.serving)
    varies = any(-1 in tensor.dims for tensor in recipe.inputs)
    tried = [(batch, VARIABLE_SIZES[0]) for batch in batches]
    tried += [(batches[-1], size) for size in VARIABLE_SIZES[1:] if varies]
    done: list[Trial] = []
    for batch, size in tried:
        run = _try(recipe, artifact, batch, _sizes_of(recipe, size), fill)
        if isinstance(run, Exception):
            raise _NotTakenError(batch, size, run)
        if done and size == VARIABLE_SIZES[0]:
            _require_same_samples(done[0], run)
        done.append(run)
    return done


def further_trials(recipe: Recipe, artifact: torch.jit.ScriptModule) -> Iterator[Trial]:
    """Run on other numbers than zeros: type and size of an output may follow from values.

    Models with data are asked their images; what is generated need not be one that they take.

    Raises:
        ProofError: a model without data does not take what is generated.
    """
    batch = _batch_sizes(recipe.serving)[-1]
    for seed in range(3):
        rows = repeated(generated(recipe.inputs, count=SMALL, seed=seed), batch or SMALL)
        for asked in each(rows) if batch is None else [rows]:
            try:
                outputs = answers(artifact, asked)
            except NoTensorsError as error:
                raise not_returned(error.kind) from error
            except FAILURES as error:
                if recipe.dataset is None:
                    raise fails_on_generated(
                        "the artifact", recipe.inputs, error, rows=asked
                    ) from error
                continue
            yield Trial(batch=batch, outputs=_returned(outputs), asked="generated inputs")


def _batch_sizes(serving: ServingSpec) -> tuple[int | None, ...]:
    tried = request_sizes(serving)
    small = tuple(size for size in tried if size is None or size <= SMALL)
    return small or tried[:1]


def _sizes_of(recipe: Recipe, variable: int) -> tuple[Shape, ...]:
    return tuple(sizes(tensor, variable=variable) for tensor in recipe.inputs)


def _try(
    recipe: Recipe,
    artifact: torch.jit.ScriptModule,
    batch: int | None,
    dims: tuple[Shape, ...],
    fill: Fill,
) -> Trial | Exception:
    """Run once; return what the artifact raises.

    Raises:
        ProofError: it gives what libtorch does not return.
    """
    try:
        outputs = answers(artifact, tuple(map(fill, recipe.inputs, _with_batch(batch, dims))))
    except NoTensorsError as error:
        raise not_returned(error.kind) from error
    except FAILURES as error:
        return error
    return Trial(batch=batch, outputs=_returned(outputs))


def _with_batch(batch: int | None, dims: tuple[Shape, ...]) -> list[Shape]:
    return [shape if batch is None else (batch, *shape) for shape in dims]


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


def _told(recipe: Recipe, artifact: torch.jit.ScriptModule, refused: _NotTakenError) -> ProofError:
    """Return why inputs are not taken: by the one size that would be, where there is one."""
    batch, variable, error = refused.batch, refused.variable, refused.error

    def takes(rows: int | None, dims: tuple[Shape, ...], fill: Fill = zeros) -> bool:
        return isinstance(_try(recipe, artifact, rows, dims, fill), Trial)

    dims = _sizes_of(recipe, variable)
    first = _batch_sizes(recipe.serving)[0]
    if batch != first and variable == VARIABLE_SIZES[0]:
        return _batch_not_taken(recipe.serving, first, batch, error)
    refused_value = value_not_taken(
        recipe.inputs, lambda fill: takes(batch, dims, fill), _with_batch(batch, dims), error
    )
    if refused_value is not None:
        return refused_value
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
    return shapes_not_taken(recipe.inputs, _with_batch(batch, dims), variable, error)


def _first_taken(takes: Callable[[int], bool]) -> int | None:
    """Return a batch size that is taken: a small one, or else the only one there is.

    Large ones may be taken for other reasons, where a module makes rows of what it is given.
    """
    small = next((rows for rows in range(1, FEW + 1) if takes(rows)), None)
    return only_size(takes) if small is None else small


def _takes_any_batch(serving: ServingSpec) -> bool:
    return serving.max_batch_size > 0 or serving.batch_dim == -1
