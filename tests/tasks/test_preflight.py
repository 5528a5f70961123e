"""What contradicts itself in a recipe, told before anything is read or trained."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from packager.errors import ProofError, SpecError
from packager.spec.job import BuildTask, CacheSpec, Job
from packager.spec.recipe import ExportSpec, Pixels, RepositorySpec
from packager.spec.server import NoServerSpec
from packager.spec.tensors import DataType
from packager.spec.training import NoTrainerSpec
from packager.tasks.preflight import require_scores, run
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import Recipe
    from packager.spec.tensors import TensorSpec

FASHION = recipe("model=fashion_cnn")
assert FASHION.dataset is not None
UNKNOWN_CLASSES = replace(FASHION, dataset=replace(FASHION.dataset, classes=()))
IMAGE = (1, 28, 28)


@pytest.mark.parametrize(
    "made",
    [
        FASHION,
        replace(FASHION, outputs=()),
        UNKNOWN_CLASSES,
        replace(
            FASHION,
            inputs=(tensor("x", *IMAGE, data_type=DataType.UINT8),),
            export=ExportSpec(pixels=Pixels.uint8),
        ),
        replace(
            FASHION,
            trainer=NoTrainerSpec(),
            outputs=(tensor("y", 7, data_type=DataType.INT64), tensor("z", 4, 4)),
        ),
        without_data([tensor("a", 4), tensor("b", data_type=DataType.BOOL)], []),
    ],
)
def test_what_agrees_passes(made: Recipe) -> None:
    """Trained, untrained, without data; classes known or not yet."""
    require_scores(made)


@pytest.mark.parametrize(
    ("made", "outputs"),
    [
        (FASHION, tensor("y", 9)),
        (FASHION, tensor("y", 1, 10)),
        (FASHION, tensor("y", -1)),
        (FASHION, tensor("y", -1, -1)),
        (UNKNOWN_CLASSES, tensor("y", -1)),
        (UNKNOWN_CLASSES, tensor("y", 1, 10)),
    ],
)
def test_trained_scores_have_one_number_a_class(made: Recipe, outputs: TensorSpec) -> None:
    """As far as the classes are known."""
    with pytest.raises(SpecError) as caught:
        require_scores(replace(made, outputs=(outputs,)))
    assert caught.value.where == "outputs[0].dims"


def test_trained_scores_are_floats() -> None:
    """Nothing else is trained."""
    with pytest.raises(SpecError, match="is FP16") as caught:
        require_scores(replace(FASHION, outputs=(tensor("y", 10, data_type=DataType.FP16),)))
    assert caught.value.where == "outputs[0].data_type"


@pytest.mark.parametrize("trainer", [FASHION.trainer, NoTrainerSpec()])
def test_an_image_has_the_type_of_its_pixels(trainer: NoTrainerSpec) -> None:
    """The remedy names the other choice of `export`."""
    inputs = (tensor("x", *IMAGE, data_type=DataType.UINT8),)
    with pytest.raises(SpecError) as caught:
        require_scores(replace(FASHION, inputs=inputs, trainer=trainer))
    assert caught.value.where == "inputs[0].data_type"
    assert "export=uint8_pixels" in caught.value.remedy


def test_a_dataset_feeds_one_input() -> None:
    """It has images only."""
    inputs = (tensor("x", *IMAGE), tensor("y", *IMAGE))
    with pytest.raises(SpecError, match="2 are given") as caught:
        require_scores(replace(FASHION, inputs=inputs, trainer=NoTrainerSpec()))
    assert caught.value.where == "inputs"


@pytest.mark.parametrize("side", ["inputs", "outputs"])
@pytest.mark.parametrize("data_type", [DataType.BF16, DataType.UINT32, DataType.BYTES])
def test_types_that_libtorch_lacks_are_refused(side: str, data_type: DataType) -> None:
    """By their key; the server would refuse to load the model."""
    tensors = [tensor("x", 4), tensor("y", 4, data_type=data_type)]
    made = without_data(tensors if side == "inputs" else [tensor("z", 4)], [])
    if side == "outputs":
        made = replace(made, outputs=tuple(tensors))
    with pytest.raises(SpecError, match=f"is {data_type.value}") as caught:
        require_scores(made)
    assert caught.value.where == f"{side}[1].data_type"


def test_a_config_that_breaks_a_rule_is_refused_before_training(tmp_path: Path) -> None:
    """With the line of the config that would have been rendered."""
    made = replace(FASHION, inputs=(tensor("INPUT__3", *IMAGE),))
    job = Job(
        task=BuildTask(),
        recipe=made,
        server=NoServerSpec(),
        repository=RepositorySpec(path=tmp_path / "models", staging=tmp_path / "staging"),
        cache=CacheSpec(path=tmp_path),
    )
    with pytest.raises(ProofError, match="TRN804") as caught:
        run(job)
    assert caught.value.where == "config.pbtxt:5:3"
