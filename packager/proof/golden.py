"""A request whose answers are known, as clients of the KServe v2 protocol send it in JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from packager.model_config.render import config_dims, is_number
from packager.proof.samples import each, stacked
from packager.repository.layout import GOLDEN_REQUEST_FILE, GOLDEN_RESPONSE_FILE
from packager.spec.tensors import DataType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.proof.question import Question
    from packager.proof.samples import Answers, Rows
    from packager.spec.serving import ServingSpec
    from packager.spec.tensors import TensorSpec

ROWS = 4
"""So many rows tell a wrong model from a right one, and fit on a screen or two."""

SIZE_BYTES = 2**20
"""What both files may take; fewer rows where they would take more."""

ONE_ROW_BYTES = 2**22
"""What they may take with the fewest rows that can be sent: an image of 224 x 224 fits."""

NOT_IN_JSON = {DataType.FP16, DataType.BF16}
"""Triton refuses half precision in JSON."""

REQUEST_ID = "golden"


@dataclass(frozen=True, kw_only=True, slots=True)
class Golden:
    """A request and its response by their files' names; none where `finding` says why."""

    finding: str
    files: Mapping[str, bytes] = field(default_factory=dict)


def golden(question: Question) -> Golden:
    """Return the first rows of a question with the reference's answers, as v2 JSON.

    Rows with a NaN or an infinity, which JSON does not know, are left out.
    """
    recipe = question.recipe
    if NOT_IN_JSON & {tensor.data_type for tensor in (*recipe.inputs, *recipe.outputs)}:
        return Golden(finding="none: JSON has no half precision")
    finite = _finite(question)
    if finite is None:
        return Golden(finding="none: every answer holds NaN or infinity, which JSON has not")
    sizes = _sizes(recipe.serving, len(finite.rows[0]))
    for size in sizes:
        files = _files(finite, size)
        limit = SIZE_BYTES if size != sizes[-1] else ONE_ROW_BYTES
        if sum(map(len, files.values())) <= limit:
            return Golden(finding=_told(size), files=files)
    return Golden(finding=f"none: {_told(sizes[-1])} in JSON take over {ONE_ROW_BYTES:,} bytes")


def _told(size: int | None) -> str:
    if size is None:
        return "one sample"
    return "1 row" if size == 1 else f"{size} rows"


def _finite(question: Question) -> Question | None:
    """Return a question of those rows alone that JSON can hold; None if there are none."""
    kept = [
        index
        for index, row in enumerate(zip(each(question.rows), each(question.expected), strict=True))
        if all(bool(values.isfinite().all()) for side in row for values in side)
    ]
    if not kept:
        return None
    return replace(
        question,
        rows=tuple(tensor[kept] for tensor in question.rows),
        expected=tuple(_chosen(output, kept) for output in question.expected),
    )


def _chosen(output: Any, kept: Sequence[int]) -> Any:
    if isinstance(output, torch.Tensor):
        return output[kept]
    return tuple(output[index] for index in kept)


def _sizes(serving: ServingSpec, rows: int) -> list[int | None]:
    """Return the numbers of rows that a request may have, most first; None is no batch axis."""
    if serving.max_batch_size == 0 and serving.batch_dim != -1:
        return [serving.batch_dim]
    most = min(ROWS, rows, serving.max_batch_size or ROWS)
    return [size for size in range(most, 0, -1) if size in (most, 2, 1)]


def _files(question: Question, size: int | None) -> dict[str, bytes]:
    recipe = question.recipe
    rows, expected = _first(question, size)
    request = {
        "id": REQUEST_ID,
        "inputs": list(_tensors(recipe.inputs, rows, recipe.serving, size)),
        "outputs": [{"name": tensor.name} for tensor in recipe.outputs],
    }
    response = {
        "id": REQUEST_ID,
        "model_name": recipe.name,
        "outputs": list(_tensors(recipe.outputs, expected, recipe.serving, size)),
    }
    return {GOLDEN_REQUEST_FILE: _json(request), GOLDEN_RESPONSE_FILE: _json(response)}


def _first(question: Question, size: int | None) -> tuple[Rows, Answers]:
    if size is not None:
        question = replace(question, expected=stacked(question.expected))
    return next(question.requests(size))


def _tensors(
    specs: Sequence[TensorSpec], values: Answers, serving: ServingSpec, size: int | None
) -> Iterator[dict[str, object]]:
    for spec, tensor in zip(specs, values, strict=True):
        if not isinstance(tensor, torch.Tensor):
            raise TypeError("answers of one request are one tensor an output")
        array = _shaped(tensor, spec, serving, size).contiguous().numpy()
        yield {
            "name": spec.name,
            "datatype": spec.data_type.value,
            "shape": list(array.shape),
            "data": _numbers(array),
        }


def _shaped(
    tensor: torch.Tensor, spec: TensorSpec, serving: ServingSpec, size: int | None
) -> torch.Tensor:
    """Return a tensor as it is sent: a number a row is [N, 1], and axes of one are the recipe's."""
    if is_number(spec, serving):
        return tensor[:, None]
    dims = config_dims(spec, serving)
    if serving.max_batch_size == 0 and size is not None and dims[:1] == (-1,):
        dims = (size, *dims[1:])
    shape = (size, *dims) if serving.max_batch_size > 0 and size is not None else dims
    fits = -1 not in shape and math.prod(shape) == tensor.numel()
    return tensor.reshape(shape) if fits else tensor


def _numbers(array: np.ndarray[Any, Any]) -> list[Any]:
    """Return the elements, row by row, as the shortest numbers that are read back the same."""
    if array.dtype == np.float32:
        return [_shortest(number) for number in array.ravel()]
    return list(array.ravel().tolist())


def _shortest(number: np.float32) -> float:
    short = float(str(number))
    return short if np.float32(short) == number else float(number)


def _json(content: Mapping[str, object]) -> bytes:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{text}\n".encode()
