"""The golden request and response: whole texts, and what is done where JSON cannot hold them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from packager.proof.golden import ONE_ROW_BYTES, SIZE_BYTES, golden
from packager.proof.question import Question
from packager.repository.layout import GOLDEN_REQUEST_FILE, GOLDEN_RESPONSE_FILE
from packager.spec.tensors import DataType
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data

if TYPE_CHECKING:
    from packager.spec.serving import ServingSpec
    from packager.spec.tensors import TensorSpec

INDEX = tensor("index", 2, data_type=DataType.INT64)
SCORES = tensor("scores", 2)
BATCHED = recipe("model=fashion_cnn").serving


def _unbatched(dim: str) -> ServingSpec:
    return recipe("model=fashion_cnn", "serving=unbatched", f"serving.batch_dim={dim}").serving


def _question(
    rows: dict[TensorSpec, torch.Tensor],
    expected: dict[TensorSpec, torch.Tensor],
    serving: ServingSpec = BATCHED,
) -> Question:
    made = without_data([*rows], [*expected], serving)
    return Question(
        recipe=made, rows=tuple(rows.values()), expected=tuple(expected.values()), version=1
    )


def _doubled(rows: torch.Tensor, serving: ServingSpec = BATCHED) -> Question:
    size = [] if rows.dim() == 1 else list(rows.shape[1:])
    return _question({tensor("x", *size): rows}, {tensor("y", *size): rows * 2}, serving)


def _contents(question: Question) -> tuple[dict[str, Any], dict[str, Any]]:
    files = golden(question).files
    return json.loads(files[GOLDEN_REQUEST_FILE]), json.loads(files[GOLDEN_RESPONSE_FILE])


def test_the_files_are_the_protocols_whole_and_canonical() -> None:
    """Names, shapes with the batch, data types, numbers as short as they can be."""
    question = _question(
        {INDEX: torch.tensor([[1, 2], [3, 4]]), tensor("weight"): torch.tensor([0.1, 2.0])},
        {SCORES: torch.tensor([[0.1, -1e-9], [3.0, 1 / 3]])},
    )
    made = golden(question)
    assert made.finding == "2 rows"
    assert made.files[GOLDEN_REQUEST_FILE].decode() == (
        '{"id":"golden","inputs":['
        '{"data":[1,2,3,4],"datatype":"INT64","name":"index","shape":[2,2]},'
        '{"data":[0.1,2.0],"datatype":"FP32","name":"weight","shape":[2,1]}],'
        '"outputs":[{"name":"scores"}]}\n'
    )
    assert made.files[GOLDEN_RESPONSE_FILE].decode() == (
        f'{{"id":"golden","model_name":"{question.recipe.name}","outputs":['
        '{"data":[0.1,-1e-09,3.0,0.33333334],"datatype":"FP32","name":"scores","shape":[2,2]}]}\n'
    )


@given(arrays.arrays(np.float32, (4, 3), elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_every_float_is_read_back_to_the_bit(values: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    """As a server does: a number of JSON's is a double, then rounded."""
    request, _ = _contents(_doubled(torch.from_numpy(values)))
    read = np.array(request["inputs"][0]["data"], dtype=np.float64).astype(np.float32)
    assert read.tobytes() == values.tobytes()


@pytest.mark.parametrize(
    ("serving", "shape"),
    [
        (BATCHED, [4, 3]),
        (replace(BATCHED, max_batch_size=2), [2, 3]),
        (_unbatched("-1"), [4, 3]),
        (_unbatched("7"), [7, 3]),
        (_unbatched("null"), [3]),
    ],
)
def test_a_request_has_as_many_rows_as_the_model_takes(
    serving: ServingSpec, shape: list[int]
) -> None:
    """At most four, where their number is free."""
    request, response = _contents(_doubled(torch.rand(10, 3), serving))
    assert request["inputs"][0]["shape"] == response["outputs"][0]["shape"] == shape


def test_truth_and_small_integers_are_written_as_json_has_them() -> None:
    """True and false; pixels as whole numbers."""
    truth = tensor("truth", 1, data_type=DataType.BOOL)
    pixels = tensor("pixels", 1, data_type=DataType.UINT8)
    question = _question(
        {truth: torch.tensor([[True], [False]])}, {pixels: torch.tensor([[0], [255]]).byte()}
    )
    request, response = _contents(question)
    assert request["inputs"][0]["data"] == [True, False]
    assert response["outputs"][0]["data"] == [0, 255]


def test_rows_that_json_cannot_hold_are_left_out() -> None:
    """NaN and infinity, in any output; if no row is left there is no request."""
    rows = torch.tensor([[1.0], [torch.nan], [2.0], [torch.inf]])
    request, _ = _contents(replace(_doubled(rows), rows=(torch.arange(4.0)[:, None],)))
    assert request["inputs"][0]["data"] == [0.0, 2.0]
    made = golden(_doubled(rows[1::2]))
    assert (made.files, "NaN or infinity" in made.finding) == ({}, True)


def test_large_rows_are_fewer_and_too_large_ones_none() -> None:
    """A screen full of numbers is enough; a gigabyte helps nobody."""
    two = _contents(_doubled(torch.rand(4, 20_000)))[0]["inputs"][0]["shape"]
    assert two == [2, 20_000]
    one = golden(_doubled(torch.rand(4, 100_000)))
    assert one.finding == "1 row"
    assert SIZE_BYTES < sum(map(len, one.files.values())) < ONE_ROW_BYTES
    none = golden(_doubled(torch.rand(1, 300_000)))
    assert none.files == {}
    assert none.finding == "none: 1 row in JSON take over 4,194,304 bytes"


@pytest.mark.parametrize("half", [DataType.FP16, DataType.BF16])
def test_half_precision_has_no_golden_request(half: DataType) -> None:
    """Triton refuses it in JSON."""
    question = _question(
        {tensor("x", 1): torch.zeros(1, 1)}, {tensor("y", 1, data_type=half): torch.zeros(1, 1)}
    )
    assert golden(question).finding == "none: JSON has no half precision"
