"""Which argument and which output Triton's libtorch takes a name for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packager.errors import ProofError
from packager.server.backends.pytorch.libtorch_contract import (
    Argument,
    LoadError,
    make_contract,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.spec.recipe import Recipe
    from packager.spec.tensors import TensorSpec

ANY_OUTPUT: dict[str, object] = {"name": "output0", "data_type": "TYPE_FP32", "dims": [1]}
"""Stands for outputs not known yet; libtorch judges none without one."""


def require_order(recipe: Recipe, arguments: Sequence[str]) -> None:
    """Check that the recipe's tensors are in the order in which the server passes them.

    The proofs ask by position. Libtorch goes by argument name if every input is named as one,
    by `__<index>` if every name has it, and else by the order of `config.pbtxt`, silently.

    Raises:
        ProofError: a tensor would go, or its name says that it goes, to another position.
    """
    tensors = [Argument(name, "TensorType", "Tensor") for name in arguments]
    config = {
        "name": recipe.name,
        "max_batch_size": recipe.serving.max_batch_size,
        "input": [_tensor(tensor) for tensor in recipe.inputs],
        "output": [_tensor(tensor) for tensor in recipe.outputs] or [ANY_OUTPUT],
    }
    try:
        judged = make_contract(config, tensors)
    except LoadError as error:
        raise ProofError(
            f"Triton's libtorch refuses it: {error}",
            where="inputs/outputs",
            remedy="correct names and data types",
        ) from error
    for index, tensor in enumerate(recipe.inputs):
        goes = {judged.inputs[tensor.name], _said(tensor.name, arguments, default=index)}
        _require_place("input", tensor.name, index=index, goes=goes, arguments=arguments)
    for index, output in enumerate(judged.outputs[: len(recipe.outputs)]):
        goes = {output.index, _said(output.name, (), default=index)}
        _require_place("output", output.name, index=index, goes=goes, arguments=())


def _tensor(tensor: TensorSpec) -> dict[str, object]:
    return {
        "name": tensor.name,
        "data_type": tensor.data_type.config_name,
        "dims": list(tensor.dims),
    }


def _said(name: str, arguments: Sequence[str], *, default: int) -> int:
    """Return the position that a name claims, by argument or index; most claim none."""
    if name in arguments:
        return list(arguments).index(name)
    index = name.partition("__")[2]
    return int(index) if re.fullmatch("[0-9]+", index) else default


def _require_place(
    side: str, name: str, *, index: int, goes: set[int], arguments: Sequence[str]
) -> None:
    elsewhere = goes - {index}
    if not elsewhere:
        return
    order = f" in the order of forward({', '.join(arguments)})" if arguments else ""
    raise ProofError(
        f"'{name}' is {side} {index} of the recipe, and by its name {side} {elsewhere.pop()} of the"
        " artifact",
        where=f"{side}s[{index}].name",
        remedy=f"give the {side}s{order}, or names that say nothing else",
    )
