"""Batching: every batch size runs, and no row depends on its neighbours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from packager.errors import ProofError, UnavailableError
from packager.proof.batching import prove, require_memory
from packager.proof.result import Verdict
from tests.model_config.composing import recipe
from tests.training.images import tiny

from . import artifacts
from .artifacts import artifact

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from packager.datasets.load import Dataset

BATCHED = recipe("model=fashion_cnn").serving
ONE = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=1").serving
NONE = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=null").serving


def test_a_module_in_evaluation_mode_has_independent_rows(images: Dataset, tmp_path: Path) -> None:
    """Batch norm uses what it has learnt; the sizes tried are told."""
    proof = prove(artifact(tiny(), tmp_path), images.test.images, BATCHED)
    assert proof.verdict is Verdict.passed
    assert "1, 2, 5, 128" in proof.finding
    assert proof.measured["relative_error"] < 1e-5


@pytest.mark.parametrize("kind", [artifacts.Centred, artifacts.Neighbour, artifacts.Merged])
def test_rows_that_mix_are_refused(kind: type[nn.Module], images: Dataset, tmp_path: Path) -> None:
    """The batch's mean, the row before, one row for all."""
    with pytest.raises(ProofError, match="depends on its neighbours") as caught:
        prove(artifact(kind(), tmp_path), images.test.images, BATCHED)
    assert caught.value.where == "serving.max_batch_size"


def test_a_module_for_one_image_is_refused_with_the_size_that_fails(
    images: Dataset, tmp_path: Path
) -> None:
    """And is what `serving=unbatched serving.batch_dim=1` is for."""
    single = artifact(artifacts.OneAtATime(), tmp_path)
    with pytest.raises(ProofError, match="fails on a batch of 2"):
        prove(single, images.test.images, BATCHED)
    assert prove(single, images.test.images, ONE).verdict is Verdict.passed


def test_fewer_images_than_a_batch_are_repeated(images: Dataset, tmp_path: Path) -> None:
    """A small test set still proves the largest batch."""
    few = images.test.images[:3]
    assert "128" in prove(artifact(tiny(), tmp_path), few, BATCHED).finding
    with pytest.raises(ProofError):
        prove(artifact(artifacts.Centred(), tmp_path), few, BATCHED)


def test_without_a_batch_dimension_there_is_nothing_to_prove(
    images: Dataset, tmp_path: Path
) -> None:
    """And the finding says so."""
    proof = prove(artifact(tiny(), tmp_path), images.test.images, NONE)
    assert "no batch dimension" in proof.finding


def test_a_batch_beyond_the_memory_is_not_tried() -> None:
    """It would end this process, or others."""
    serving = replace(BATCHED, max_batch_size=2**31 - 1)
    with pytest.raises(UnavailableError, match="GB are free") as caught:
        require_memory(serving, bytes_per_row=100_000)
    assert caught.value.where == "serving.max_batch_size"
    require_memory(replace(BATCHED, max_batch_size=128), bytes_per_row=100_000)
