"""Trials: at several batch sizes and sizes, and the one size that is taken is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from packager.errors import ProofError
from packager.proof.trials import trials
from packager.spec.tensors import DataType
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data

from . import artifacts, misfits
from .artifacts import artifact

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from packager.spec.serving import ServingSpec
    from packager.spec.tensors import TensorSpec

ANY = recipe("model=fashion_cnn", "serving=unbatched").serving
FOUR = without_data([tensor("x", 4)], [])


def test_every_small_batch_and_every_size_is_tried(tmp_path: Path) -> None:
    """One, two, an odd one; then two more sizes of what varies."""
    made = without_data([tensor("x", 3, -1)], [])
    runs = trials(made, artifact(artifacts.Doubled(), tmp_path))
    assert [tuple(run.outputs[0].shape) for run in runs] == [
        *((1, 3, 32), (2, 3, 32), (5, 3, 32)),
        *((5, 3, 64), (5, 3, 96)),
    ]
    assert {run.sample_shape(0)[0] for run in runs} == {3}


@pytest.mark.parametrize(
    ("kind", "inputs", "where", "size"),
    [
        (artifacts.Only32, [tensor("x", -1)], "inputs[0].dims[0]", 32),
        (misfits.Rows28, [tensor("x", -1, 5)], "inputs[0].dims[0]", 28),
        (artifacts.OneAtATime, [tensor("x", 1, -1, -1)], "inputs[0].dims[1]", 28),
    ],
)
def test_an_open_dimension_that_takes_one_size_is_refused_with_it(
    kind: type[nn.Module], inputs: list[TensorSpec], where: str, size: int, tmp_path: Path
) -> None:
    """Whether or not it is among the sizes that are always tried."""
    serving = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=1").serving
    made = without_data(inputs, [], serving if kind is artifacts.OneAtATime else None)
    with pytest.raises(ProofError, match=f"the artifact takes {size} only") as caught:
        trials(made, artifact(kind(), tmp_path))
    assert caught.value.where == where
    assert caught.value.remedy == f"set {size}"


def test_open_dimensions_that_vary_together_are_taken(tmp_path: Path) -> None:
    """A sequence and its mask."""
    types = (DataType.FP32, DataType.BOOL)
    inputs = [tensor(name, -1, data_type=one) for name, one in zip("ab", types, strict=True)]
    made = without_data(inputs, [])
    assert len(trials(made, artifact(misfits.SameLength(), tmp_path))) == 5


@pytest.mark.parametrize("serving", [FOUR.serving, ANY])
def test_a_batch_of_one_size_only_is_refused_with_it(serving: ServingSpec, tmp_path: Path) -> None:
    """A trace may take no other; the remedy is the choice for it."""
    made = replace(FOUR, serving=serving)
    with pytest.raises(ProofError, match="takes a batch of 8 and fails on a batch of 1") as caught:
        trials(made, artifact(misfits.EightAtOnce(), tmp_path))
    assert caught.value.where.startswith("serving.")
    assert caught.value.remedy.endswith("serving=unbatched serving.batch_dim=8")


def test_an_odd_batch_is_tried(tmp_path: Path) -> None:
    """One and two are not enough."""
    with pytest.raises(ProofError, match="takes a batch of 1 and fails on a batch of 5"):
        trials(FOUR, artifact(misfits.Pairs(), tmp_path))


def test_a_batch_of_one_is_tried(tmp_path: Path) -> None:
    """A module that takes others is told by the first of them, not as one of other dims."""
    with pytest.raises(ProofError, match="takes a batch of 2 and fails on a batch of 1") as caught:
        trials(FOUR, artifact(misfits.Twins(), tmp_path))
    assert caught.value.where == "serving.max_batch_size"


def test_an_answer_that_grows_with_the_batch_is_refused(tmp_path: Path) -> None:
    """Its second dimension is the batch's too."""
    with pytest.raises(ProofError, match=r"is \[1\] in a batch of 1, and \[2\] in one of 2"):
        trials(FOUR, artifact(misfits.Similarity(), tmp_path))


def test_zeros_that_are_not_taken_are_told_with_their_input(tmp_path: Path) -> None:
    """Lengths: dims are right, and so is the batch."""
    made = without_data([tensor("x", 4), tensor("length", 1, data_type=DataType.INT64)], [])
    with pytest.raises(ProofError, match="'length' is 1, and not where it is 0") as caught:
        trials(made, artifact(misfits.Lengths(), tmp_path))
    assert caught.value.where == "inputs[1]"
    assert "length.clamp(min=1)" in caught.value.remedy


def test_a_size_that_packager_chose_is_told_as_its_own(tmp_path: Path) -> None:
    """Of a dimension that is any size by the recipe, and up to 64 by the module."""
    with pytest.raises(ProofError, match="-1 with 32, 64, 96, and 96 fails") as caught:
        trials(without_data([tensor("x", -1)], []), artifact(misfits.AtMost64(), tmp_path))
    assert caught.value.where == "inputs[0].dims[0]"
    assert "a size that it takes" in caught.value.remedy
