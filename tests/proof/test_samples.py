"""Samples: which batch sizes are tried, and how images become requests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from packager.proof.samples import request_sizes, requests, typical_size
from tests.model_config.composing import recipe

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


def test_requests_are_whole_batches_in_order(images: Dataset) -> None:
    """Float pixels; what is left over is not sent."""
    few = images.test.images[:10]
    sent = list(requests(few, 4))
    assert [tuple(batch.shape) for batch in sent] == [(4, 1, 28, 28)] * 2
    assert torch.equal(torch.cat(sent), few[:8].float() / 255)


def test_without_a_batch_dimension_a_request_is_one_image(images: Dataset) -> None:
    """[C, H, W], all of them."""
    few = images.test.images[:3]
    assert torch.equal(torch.stack(list(requests(few, None))), few.float() / 255)
