"""Batching: every batch size runs, and no row depends on its neighbours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from packager.errors import ProofError, UnavailableError
from packager.proof import batching
from packager.proof.batching import prove, require_memory
from packager.proof.dependence import Cause, changes
from packager.proof.result import Verdict
from packager.proof.samples import generated
from packager.spec.tensors import DataType
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor
from tests.training.images import tiny

from . import artifacts, misfits
from .artifacts import artifact
from .questions import rows

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from packager.datasets.load import Dataset
    from packager.spec.serving import ServingSpec

BATCHED = recipe("model=fashion_cnn").serving
ONE = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=1").serving
ANY = recipe("model=fashion_cnn", "serving=unbatched").serving
NONE = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=null").serving


def test_a_module_in_evaluation_mode_has_independent_rows(images: Dataset, tmp_path: Path) -> None:
    """Batch norm uses what it has learnt; the sizes that ran are told, apart from the finding."""
    proof = prove(artifact(tiny(), tmp_path), rows(images), BATCHED)
    assert proof.verdict is Verdict.passed
    assert proof.finding.startswith("batches of 1, 2, 5, 128 and sizes between: rows independent")
    assert proof.timing == "sizes that ran: 1-9, 15-17, 31-33, 63-65, 127, 128"
    assert proof.measured["relative_error"] < 1e-5


@pytest.mark.parametrize(
    ("kind", "cause"),
    [(artifacts.Centred, Cause.statistic), (artifacts.Neighbour, Cause.neighbour)],
)
def test_rows_that_mix_are_refused(
    kind: type[nn.Module], cause: Cause, images: Dataset, tmp_path: Path
) -> None:
    """The batch's mean, the row before."""
    with pytest.raises(ProofError, match="depends on its neighbours") as caught:
        prove(artifact(kind(), tmp_path), rows(images), BATCHED)
    assert caught.value.where == "serving.max_batch_size"
    assert f"depends on {cause.value} (" in caught.value.problem


@pytest.mark.parametrize("largest", [3, 5, 128])
@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (misfits.Placed, Cause.place),
        (misfits.Centre, Cause.place),
        (misfits.Shared, Cause.number),
        (misfits.BatchNormed, Cause.statistic),
        (misfits.Largest, Cause.statistic),
        (misfits.Softmax, Cause.statistic),
    ],
)
def test_what_a_row_depends_on_is_told(
    kind: type[nn.Module], cause: Cause, largest: int, tmp_path: Path
) -> None:
    """Its place, the same in reverse too; the batch's size; a statistic of the batch."""
    serving = replace(BATCHED, max_batch_size=largest)
    four = generated([tensor("x", 4)])
    with pytest.raises(ProofError) as caught:
        prove(artifact(kind(), tmp_path), four, serving)
    assert f"depends on {cause.value} (" in caught.value.problem
    assert "serving=unbatched serving.batch_dim=null" in caught.value.remedy


def test_batch_norm_in_training_mode_is_named(tmp_path: Path) -> None:
    """By its operator: it is the usual cause."""
    with pytest.raises(ProofError, match="in training mode: batch_norm"):
        prove(artifact(misfits.BatchNormed(), tmp_path), generated([tensor("x", 4)]), BATCHED)


def test_answers_that_are_random_are_told_as_such(tmp_path: Path) -> None:
    """They depend on no row."""
    with pytest.raises(ProofError, match="another answer when it is asked the same") as caught:
        prove(artifact(misfits.Noisy(), tmp_path), generated([tensor("x", 4)]), BATCHED)
    assert caught.value.where == "architecture"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 128])
def test_changes_move_every_row_and_replace_every_neighbour(size: int) -> None:
    """What they expect is where the rows have gone, and what is not kept is other than it was."""
    batch = (torch.arange(1, size + 1),)
    for change in changes(size):
        (made,), kept = change.made(batch), change.kept()
        assert torch.equal(made[kept], change.expected(batch)[0])
        replaced = [place for place in range(size) if place not in kept.tolist()]
        assert all(made[place] != change.order[place] + 1 for place in replaced)
    assert size == 1 or any(len(change.kept()) < size for change in changes(size))
    assert size < 3 or any(not torch.equal(c.order, torch.arange(size)) for c in changes(size))


@pytest.mark.parametrize(
    ("serving", "remedy"), [(BATCHED, "serving=unbatched"), (ANY, "set serving.batch_dim=null")]
)
def test_an_output_without_the_batchs_rows_is_refused(
    serving: ServingSpec, remedy: str, images: Dataset, tmp_path: Path
) -> None:
    """One row whatever the batch; the remedy is one that is not chosen already."""
    with pytest.raises(ProofError, match=r"gives \[1, 10\] for a batch of 2") as caught:
        prove(artifact(artifacts.Merged(), tmp_path), rows(images), serving)
    assert caught.value.where == "outputs[0]"
    assert remedy in caught.value.remedy


def test_every_output_of_every_input_is_compared(tmp_path: Path) -> None:
    """Indices beside floats; whole numbers are counted, not measured."""
    inputs = [tensor("index", 5, data_type=DataType.INT64), tensor("weights", 3)]
    proof = prove(artifact(artifacts.Lookup(), tmp_path), generated(inputs), BATCHED)
    assert proof.verdict is Verdict.passed


def test_whole_numbers_that_depend_on_the_neighbours_are_refused(tmp_path: Path) -> None:
    """Equal ones are counted."""
    rows = generated([tensor("x", 1)])
    with pytest.raises(ProofError, match=r"its place in the batch .*equal integers 0\.") as caught:
        prove(artifact(artifacts.Counted(), tmp_path), rows, BATCHED)
    assert caught.value.where == "serving.max_batch_size"


def test_a_fixed_batch_is_the_only_one_tried() -> None:
    """A traced file may take no other."""
    serving = replace(ONE, batch_dim=7)
    traced: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
        artifacts.Sevens(), torch.rand(7, 4)
    )
    proof = prove(traced, generated([tensor("x", 4)]), serving)
    assert proof.finding.startswith("batches of 7: rows independent")


def test_a_module_for_one_image_is_refused_with_the_size_that_fails(
    images: Dataset, tmp_path: Path
) -> None:
    """And is what `serving=unbatched serving.batch_dim=1` is for."""
    single = artifact(artifacts.OneAtATime(), tmp_path)
    with pytest.raises(ProofError, match="fails on a batch of 2"):
        prove(single, rows(images), BATCHED)
    assert prove(single, rows(images), ONE).verdict is Verdict.passed


def test_fewer_images_than_a_batch_are_repeated(images: Dataset, tmp_path: Path) -> None:
    """A small test set still proves the largest batch."""
    few = rows(images, 3)
    assert "128" in prove(artifact(tiny(), tmp_path), few, BATCHED).finding
    with pytest.raises(ProofError):
        prove(artifact(artifacts.Centred(), tmp_path), few, BATCHED)


def test_without_a_batch_dimension_samples_are_asked_again(images: Dataset, tmp_path: Path) -> None:
    """Nothing else could differ; the finding says so."""
    proof = prove(artifact(tiny(), tmp_path), rows(images), NONE)
    assert "no batch dimension" in proof.finding
    with pytest.raises(ProofError, match="asked the same again"):
        prove(artifact(misfits.Counting(), tmp_path), rows(images), NONE)


def test_a_batch_beyond_the_memory_is_not_tried() -> None:
    """It would end this process, or others."""
    serving = replace(BATCHED, max_batch_size=2**31 - 1)
    with pytest.raises(UnavailableError, match="GB are free") as caught:
        require_memory(serving, bytes_per_row=100_000)
    assert caught.value.where == "serving.max_batch_size"
    require_memory(replace(BATCHED, max_batch_size=128), bytes_per_row=100_000)


def test_the_inputs_alone_may_be_beyond_the_memory(tmp_path: Path) -> None:
    """Of a module whose own needs nobody knows: no batch is made of them."""
    serving = replace(BATCHED, max_batch_size=2**31 - 1, dynamic_batching=None)
    with pytest.raises(UnavailableError, match="GB are free"):
        prove(artifact(artifacts.Doubled(), tmp_path), (torch.rand(4, 3, 64, 64),), serving)


@pytest.mark.parametrize(("least", "most"), [(7, 7), (3, 3), (9, 127), (127, 127), (65, 100)])
def test_rows_that_mix_at_some_sizes_only_are_refused(
    least: int, most: int, tmp_path: Path
) -> None:
    """Small ones, those about powers of two, and one less than the largest."""
    asked = generated([tensor("x", 4)])
    with pytest.raises(ProofError, match=r"depends on its neighbours.*\(batch of"):
        prove(artifact(misfits.CentredAt(least, most), tmp_path), asked, BATCHED)


def test_a_size_that_fails_is_named(tmp_path: Path) -> None:
    """Between those that always were tried."""
    with pytest.raises(ProofError, match="fails on a batch of 7"):
        prove(artifact(misfits.FailsAtSeven(), tmp_path), generated([tensor("x", 4)]), BATCHED)


def test_costly_batches_are_tried_at_few_sizes_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One, two, an odd one and the largest, whatever the time."""
    monkeypatch.setattr(batching, "FURTHER_S", 0.0)
    proof = prove(artifact(artifacts.Doubled(), tmp_path), generated([tensor("x", 4)]), BATCHED)
    assert proof.finding.startswith("batches of 1, 2, 5, 128 and sizes between: rows independent")
    assert proof.timing.startswith("sizes that ran: 1, 2, 5, 128 (other sizes left out")


def test_one_column_of_many_integers_is_found(tmp_path: Path) -> None:
    """It is less than a thousandth of them."""
    asked = generated([tensor("x", 4)])
    with pytest.raises(ProofError, match="one column of integers differs in 2 of 2 rows"):
        prove(artifact(misfits.ManyIntegers(), tmp_path), asked, BATCHED)


def test_every_batch_is_held_to_the_outputs(tmp_path: Path) -> None:
    """Where the rows asked have another shape than what was generated."""
    judged = artifact(misfits.WiderWhenLarge(), tmp_path)
    asked = (torch.full((8, 4), 2.0),)
    with pytest.raises(ProofError, match=r"gives \[5\] on the rows of a batch of 1") as caught:
        prove(judged, asked, BATCHED, outputs=[tensor("y", 4)])
    assert caught.value.where == "outputs[0].dims"


def test_neighbours_of_zeros_are_others_where_zeros_are_not_taken(tmp_path: Path) -> None:
    """Lengths of none are nobody's request."""
    asked = (torch.rand(16, 4), torch.ones(16, 1, dtype=torch.int64))
    proof = prove(artifact(misfits.Lengths(), tmp_path), asked, BATCHED)
    assert proof.verdict is Verdict.passed
