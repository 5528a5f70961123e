"""Answers held to the recipe's outputs, whatever the values that were asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import ProofError
from packager.export.dtypes import TORCH_DTYPES
from packager.proof.inputs import fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from packager.proof.probing import Shape
    from packager.proof.samples import Answers
    from packager.spec.tensors import TensorSpec

CORRECT = "correct it, or leave outputs out"
"""What to do about an output that is wrong whatever is asked."""


def require_number(promised: Sequence[TensorSpec], number: int) -> None:
    """Check that there are as many outputs as the recipe names.

    Raises:
        ProofError: there are not.
    """
    if number != len(promised):
        raise ProofError(
            f"the artifact gives {number} outputs, the recipe names {len(promised)}",
            where="outputs",
            remedy="name each output, or leave outputs out",
        )


def require_promised(promised: Sequence[TensorSpec], answers: Answers, *, asked: str = "") -> None:
    """Check number, data type, rank and dims of answers [N, ...]; of no outputs nothing is known.

    `asked` says on which inputs another shape or type was found than on zeros ("test images").

    Raises:
        ProofError: an answer is not what the recipe, and so `config.pbtxt`, says of it.
    """
    if not promised:
        return
    require_number(promised, len(answers))
    for index, (tensor, answer) in enumerate(zip(promised, answers, strict=True)):
        rows = answer if isinstance(answer, tuple) else answer[:1]  # those of a tensor are alike
        for row in rows:
            _require(tensor, index, (row.dtype, tuple(row.shape)), asked)


def _require(tensor: TensorSpec, index: int, found: tuple[torch.dtype, Shape], asked: str) -> None:
    dtype, shape = found
    when = f" on {asked}" if asked else ""
    if TORCH_DTYPES.get(tensor.data_type) is not dtype:
        raise ProofError(
            f"is {tensor.data_type.value}; the artifact gives {dtype}{when}",
            where=f"outputs[{index}].data_type",
            remedy="return one data type whatever the values, as in y.float()"
            if asked
            else CORRECT,
        )
    if not fits(shape, tensor.dims):
        raise ProofError(
            f"is {list(tensor.dims)}; the artifact gives {list(shape)}{when}",
            where=f"outputs[{index}].dims",
            remedy=_remedy(shape, tensor.dims) if asked else CORRECT,
        )


def _remedy(shape: Shape, dims: Shape) -> str:
    if len(shape) != len(dims):
        return "return one rank whatever the values"
    return "return one shape whatever the values, or set -1 where the size follows from them"
