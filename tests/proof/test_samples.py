"""Samples: which batch sizes are tried, and how rows become requests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from packager.errors import SpecError
from packager.proof.samples import (
    GENERATED_BYTES,
    each,
    generated,
    image_rows,
    repeated,
    request_sizes,
    requests,
    typical_size,
)
from packager.spec.dataset import NormalizeSpec
from packager.spec.recipe import ExportSpec, Pixels
from packager.spec.tensors import DataType
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor

from .questions import image_batch

if TYPE_CHECKING:
    from packager.datasets.load import Dataset

SERVING = replace(recipe("model=fashion_cnn").serving, dynamic_batching=None)


@pytest.mark.parametrize(
    ("largest", "sizes", "typical"),
    [
        (128, (1, 2, 5, 128), 32),
        (32, (1, 2, 5, 32), 32),
        (5, (1, 2, 5), 5),
        (3, (1, 2, 3), 3),
        (2, (1, 2), 2),
        (1, (1,), 1),
    ],
)
def test_batches_of_one_two_and_the_largest_are_tried(
    largest: int, sizes: tuple[int, ...], typical: int
) -> None:
    """Never more than the largest."""
    serving = replace(SERVING, max_batch_size=largest)
    assert request_sizes(serving) == sizes
    assert typical_size(serving) == typical


@pytest.mark.parametrize(
    ("batch_dim", "sizes", "typical"),
    [(-1, (1, 2, 5), 32), (1, (1,), 1), (7, (7,), 7), (None, (None,), None)],
)
def test_without_batching_the_batch_dimension_decides(
    batch_dim: int | None, sizes: tuple[int | None, ...], typical: int | None
) -> None:
    """A fixed one is the only size there is."""
    serving = replace(SERVING, max_batch_size=0, batch_dim=batch_dim)
    assert request_sizes(serving) == sizes
    assert typical_size(serving) == typical


def test_requests_are_whole_batches_in_order() -> None:
    """Of every input; what is left over is not sent."""
    sent = list(requests((torch.arange(10), torch.arange(20).reshape(10, 2)), 4))
    assert [[tuple(one.shape) for one in rows] for rows in sent] == [[(4,), (4, 2)]] * 2
    assert torch.cat([rows[0] for rows in sent]).tolist() == list(range(8))
    assert torch.cat([rows[1] for rows in sent])[:, 0].tolist() == list(range(0, 16, 2))


def test_without_a_batch_dimension_a_request_is_one_sample() -> None:
    """All of them, each without a first dimension."""
    rows = (torch.rand(3, 2), torch.rand(3))
    sent = list(each(rows))
    assert [[tuple(one.shape) for one in sample] for sample in sent] == [[(2,), ()]] * 3
    assert torch.equal(torch.stack([sample[0] for sample in sent]), rows[0])


INPUTS = (
    tensor("floats", 3, -1),
    tensor("half", 2, data_type=DataType.FP16),
    tensor("index", 5, data_type=DataType.INT64),
    tensor("pixel", 1, 4, 4, data_type=DataType.UINT8),
    tensor("truth", data_type=DataType.BOOL),
)


def test_generated_rows_have_the_inputs_types_and_sizes() -> None:
    """One tensor an input; what varies is 32."""
    rows = generated(INPUTS, count=64)
    assert [(tuple(one.shape), one.dtype) for one in rows] == [
        ((64, 3, 32), torch.float32),
        ((64, 2), torch.float16),
        ((64, 5), torch.int64),
        ((64, 1, 4, 4), torch.uint8),
        ((64,), torch.bool),
    ]


def test_generated_rows_are_what_modules_take() -> None:
    """Floats in [0, 1], indices 0 or 1, every pixel, both truths; rows differ."""
    floats, half, index, pixel, truth = generated(INPUTS)
    for one in (floats, half):
        assert 0 <= float(one.min()) < float(one.max()) <= 1
    assert set(index.flatten().tolist()) == {0, 1}
    assert (int(pixel.min()), int(pixel.max())) == (0, 255)
    assert set(truth.tolist()) == {False, True}
    assert len({tuple(row) for row in floats.flatten(1).tolist()}) == 256


def test_generated_rows_are_the_same_for_the_same_seed() -> None:
    """So are the proofs' findings."""
    first, again, other = (generated(INPUTS, seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_generated_rows_are_fewer_where_they_are_large() -> None:
    """More of them would prove no more; one there always is."""
    (large,) = generated([tensor("x", 1024, 1024)])
    assert len(large) == GENERATED_BYTES // (1024 * 1024 * 4) == 16
    assert len(generated([tensor("x", 2**13, 2**12)])[0]) == 1


@pytest.mark.parametrize("data_type", [DataType.BYTES, DataType.BF16, DataType.UINT16])
def test_types_that_libtorch_lacks_are_not_generated(data_type: DataType) -> None:
    """By the input that has one."""
    with pytest.raises(SpecError, match=f"is {data_type.value}") as caught:
        generated([tensor("x", 4), tensor("y", 4, data_type=data_type)])
    assert caught.value.where == "inputs[1].data_type"


def test_images_are_rows_as_clients_send_them(images: Dataset) -> None:
    """Raw pixels, or floats, normalised where the dataset is."""
    few = image_batch(images, 3)
    made = recipe("model=fashion_cnn")
    (pixels,) = image_rows(few, replace(made, export=ExportSpec(pixels=Pixels.uint8)))
    assert torch.equal(pixels, few)
    (floats,) = image_rows(few, made)
    assert torch.equal(floats, few.float() / 255)
    assert made.dataset is not None
    normalized = replace(made.dataset, normalize=NormalizeSpec(mean=(0.5,), std=(0.25,)))
    (prepared,) = image_rows(few, replace(made, dataset=normalized))
    assert torch.allclose(prepared, (few.float() / 255 - 0.5) / 0.25)


def test_rows_are_begun_again_where_there_are_too_few() -> None:
    """Every input alike."""
    rows = (torch.arange(3), torch.arange(6).reshape(3, 2))
    first, second = repeated(rows, 5)
    assert first.tolist() == [0, 1, 2, 0, 1]
    assert second[:, 0].tolist() == [0, 2, 4, 0, 2]
