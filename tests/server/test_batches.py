"""Samples as requests: as many as the model takes, with its axes; and generated ones."""

from __future__ import annotations

import numpy as np
import pytest
from tritonclient.utils import np_to_triton_dtype

from packager.errors import SpecError
from packager.load.batches import batch_size, batches, rows_of
from packager.load.generated import NUMPY_TYPES, generated
from packager.spec.tensors import DataType, TensorSpec
from tests.load.tensors import model_of

SAMPLES = np.arange(6 * 3, dtype=np.float32).reshape(6, 3)


@pytest.mark.parametrize(
    ("dims", "most", "asked", "expected"),
    [
        ([-1, 3], 8, None, 8),
        ([-1, 3], 500, None, 128),
        ([-1, 3], 500, 300, 300),
        ([-1, 3], 0, None, 128),
        ([4, 3], 0, None, 4),
        ([3], 0, None, 1),
    ],
)
def test_a_batch_is_as_large_as_may_be(
    dims: list[int], most: int, asked: int | None, expected: int
) -> None:
    """Up to 128 unless more is asked for."""
    (one,) = model_of(dims).inputs
    assert batch_size(one, max_batch_size=most, asked=asked, rank=1) == expected


@pytest.mark.parametrize(("dims", "most"), [([-1, 3], 8), ([4, 3], 0), ([3], 0)])
def test_a_batch_that_is_too_large_is_refused(dims: list[int], most: int) -> None:
    """With the most that the model takes."""
    (one,) = model_of(dims).inputs
    with pytest.raises(SpecError, match="the model takes at most") as caught:
        batch_size(one, max_batch_size=most, asked=9, rank=1)
    assert caught.value.where == "task.batch"


@pytest.mark.parametrize("dims", [[-1, 3], [4, 3], [3]])
def test_requests_have_the_axes_that_the_model_has(dims: list[int]) -> None:
    """A fixed batch is filled up, and the filling is no sample of the request's own."""
    inputs = model_of(dims).inputs
    size = {2: 4, 1: 1}[len(dims)]
    sent = list(batches({"x": SAMPLES}, inputs, size=size))
    assert sum(request.samples for request in sent) == 6
    for request in sent:
        array = request.inputs["x"]
        assert array.shape[0] == (dims[0] if dims[0] > 0 else request.samples)
        rows = rows_of(array * 2, request)
        expected = SAMPLES[request.place : request.place + request.samples] * 2
        assert (rows == expected).all()


@pytest.mark.parametrize("data_type", list(NUMPY_TYPES))
def test_generated_values_are_of_the_type_and_in_its_range(data_type: DataType) -> None:
    """As many rows as are asked for; sizes that vary are as told."""
    one = TensorSpec(name="x", data_type=data_type, dims=(3, -1))
    array = generated([one], count=200, variable=5)["x"]
    assert array.shape == (200, 3, 5)
    assert np_to_triton_dtype(array.dtype) == data_type.value
    most = {DataType.UINT8: 255, DataType.FP16: 1, DataType.FP32: 1, DataType.FP64: 1}
    numbers = array.astype(np.float64)
    assert 0 <= numbers.min() < numbers.max() <= most.get(data_type, 1)
    assert data_type.value[:2] != "FP" or numbers.max() < 1


def test_texts_are_not_generated() -> None:
    """The error says what the model takes."""
    texts = TensorSpec(name="words", data_type=DataType.BYTES, dims=(1,))
    with pytest.raises(SpecError, match=r"takes words BYTES \[1\]") as caught:
        generated([texts], count=1, variable=5)
    assert caught.value.where == "task.model"
