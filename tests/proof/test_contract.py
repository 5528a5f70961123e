"""The contract: what the recipe says of inputs and outputs is what the artifact has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from packager.errors import ProofError, SpecError
from packager.proof.contract import derive_inputs, derive_outputs, fits, prove
from packager.proof.result import Verdict
from packager.spec.recipe import ExportMethod
from packager.spec.tensors import DataType
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor

from . import artifacts
from .artifacts import artifact

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from packager.spec.recipe import Recipe

IMAGE = (1, 28, 28)
FASHION = recipe("model=fashion_cnn")


def _with(**values: Any) -> Recipe:
    return replace(FASHION, **values)


@pytest.mark.parametrize("method", ExportMethod)
def test_a_true_contract_holds(method: ExportMethod, tmp_path: Path) -> None:
    """The finding says both sides."""
    proof = prove(FASHION, artifact(artifacts.Scores(), tmp_path, method=method))
    assert proof.verdict is Verdict.passed
    assert "input0 FP32 [1, 28, 28] -> output0 FP32 [10]" in proof.finding


@pytest.mark.parametrize("dims", [(-1,), (10,)])
def test_a_dimension_may_be_left_open(dims: tuple[int, ...], tmp_path: Path) -> None:
    """-1 is any size."""
    made = _with(outputs=(tensor("y", *dims),))
    assert prove(made, artifact(artifacts.Scores(), tmp_path)).verdict is Verdict.passed


@pytest.mark.parametrize(
    ("outputs", "where", "problem"),
    [
        ([tensor("y", 9)], "outputs[0].dims", "gives [10]"),
        ([tensor("y", 1, 10)], "outputs[0].dims", "gives [10]"),
        ([tensor("y")], "outputs[0].dims", "gives [10]"),
        ([tensor("y", 10, data_type=DataType.FP16)], "outputs[0].data_type", "torch.float32"),
        ([tensor("y", 10, data_type=DataType.BF16)], "outputs[0].data_type", "torch.float32"),
        ([tensor("y", 10), tensor("z", 10)], "outputs", "gives 1 outputs, the recipe names 2"),
    ],
)
def test_a_wrong_output_is_refused(
    outputs: list[Any], where: str, problem: str, tmp_path: Path
) -> None:
    """Size, rank, type and number, each by its key."""
    with pytest.raises(ProofError) as caught:
        prove(_with(outputs=tuple(outputs)), artifact(artifacts.Scores(), tmp_path))
    assert caught.value.where == where
    assert problem in caught.value.problem


def test_an_output_of_another_type_is_refused(tmp_path: Path) -> None:
    """The artifact's, this time."""
    with pytest.raises(ProofError, match=r"FP32; the artifact gives torch\.float16"):
        prove(FASHION, artifact(artifacts.Half(), tmp_path))


@pytest.mark.parametrize(
    "kind",
    [artifacts.Scalar, artifacts.Named, artifacts.Number, artifacts.Nothing, artifacts.Complex],
)
def test_an_answer_that_libtorch_does_not_return_is_refused(
    kind: type[nn.Module], tmp_path: Path
) -> None:
    """A scalar, a dictionary, a number, nothing, a type it does not map."""
    for judge in (prove, derive_outputs):
        made = FASHION if judge is prove else _with(outputs=())
        with pytest.raises(ProofError) as caught:
            judge(made, artifact(kind(), tmp_path))
        assert caught.value.where == "outputs"


@pytest.mark.parametrize(
    ("kind", "problem"),
    [(artifacts.Scaled, "takes 2 inputs"), (artifacts.Pair, "takes 2 inputs, the recipe names 1")],
)
def test_an_argument_too_many_is_refused(
    kind: type[nn.Module], problem: str, tmp_path: Path
) -> None:
    """Triton would not know what to send."""
    with pytest.raises(ProofError, match=problem) as caught:
        prove(FASHION, artifact(kind(), tmp_path))
    assert caught.value.where == "inputs"


def test_an_argument_that_is_no_tensor_is_refused(tmp_path: Path) -> None:
    """By its name and type."""
    two = _with(inputs=(tensor("x", *IMAGE), tensor("factor", 1, data_type=DataType.INT64)))
    with pytest.raises(ProofError, match="takes 'factor' of type int"):
        prove(two, artifact(artifacts.Scaled(), tmp_path))


def test_two_inputs_are_checked_too(tmp_path: Path) -> None:
    """Each is sent by position."""
    two = _with(inputs=(tensor("x", *IMAGE), tensor("y", *IMAGE)))
    assert prove(two, artifact(artifacts.Pair(), tmp_path)).verdict is Verdict.passed


def test_inputs_that_the_artifact_does_not_take_are_refused(tmp_path: Path) -> None:
    """What torch says of them is the problem."""
    narrow = _with(inputs=(tensor("x", 1, 28, 27),))
    linear = artifact(artifacts.OneAtATime(), tmp_path)
    with pytest.raises(ProofError, match="does not take inputs") as caught:
        prove(narrow, linear)
    assert caught.value.where == "inputs"


@pytest.mark.parametrize("overrides", [("serving=unbatched",), ()])
def test_outputs_left_out_are_the_artifacts(overrides: tuple[str, ...], tmp_path: Path) -> None:
    """By number, type and one sample's dims; given ones stay."""
    made = replace(recipe("model=fashion_cnn", *overrides), outputs=())
    derived = derive_outputs(made, artifact(artifacts.Two(), tmp_path))
    assert derived.outputs == (
        tensor("output0", 10),
        tensor("output1", data_type=DataType.INT64),
    )
    assert derive_outputs(FASHION, artifact(artifacts.Two(), tmp_path)) is FASHION


def test_without_a_batch_dimension_the_whole_shape_is_the_outputs(tmp_path: Path) -> None:
    """One image [1, 28, 28] in; its first dimension is no batch."""
    made = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=null")
    derived = derive_outputs(replace(made, outputs=()), artifact(artifacts.Scores(), tmp_path))
    assert derived.outputs == (tensor("output0", 1, 10),)


def test_an_artifact_for_one_image_holds_with_a_batch_dimension_of_one(tmp_path: Path) -> None:
    """`serving.batch_dim=1` promises no other batch, so no other is tried."""
    made = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=1")
    assert prove(made, artifact(artifacts.OneAtATime(), tmp_path)).verdict is Verdict.passed


def test_an_input_left_out_is_the_datasets_image() -> None:
    """One float tensor of the image's shape."""
    assert derive_inputs(_with(inputs=()), sample_shape=(3, 8, 9)).inputs == (
        tensor("input0", 3, 8, 9),
    )


def test_an_input_given_stays_as_it_is() -> None:
    """Also with open dimensions."""
    assert derive_inputs(FASHION, sample_shape=IMAGE) is FASHION
    open_dims = _with(inputs=(tensor("x", 1, -1, -1),))
    assert derive_inputs(open_dims, sample_shape=IMAGE) is open_dims


@pytest.mark.parametrize(
    ("inputs", "where"),
    [
        ([tensor("x", 1, 28, 27)], "inputs[0].dims"),
        ([tensor("x", 28, 28)], "inputs[0].dims"),
        ([tensor("x", 1, 1, 28, 28)], "inputs[0].dims"),
        ([tensor("x", *IMAGE, data_type=DataType.UINT8)], "inputs[0].data_type"),
        ([tensor("x", *IMAGE), tensor("y", *IMAGE)], "inputs"),
    ],
)
def test_an_input_that_does_not_fit_the_images_is_refused(inputs: list[Any], where: str) -> None:
    """Before anything is trained."""
    with pytest.raises(SpecError) as caught:
        derive_inputs(_with(inputs=tuple(inputs)), sample_shape=IMAGE)
    assert caught.value.where == where


def test_fitting_is_by_rank_and_size() -> None:
    """An open dimension takes any size, and only a size."""
    assert fits((1, 28), (1, 28))
    assert fits((1, 28), (-1, -1))
    assert fits((), ())
    assert not fits((1, 28), (1, 27))
    assert not fits((1, 28), (28,))
    assert not fits((28,), (-1, 28))
