"""The contract: what the recipe says of inputs and outputs is what the artifact has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from packager.errors import ProofError, SpecError
from packager.export.dtypes import TORCH_DTYPES
from packager.export.torchscript import load
from packager.model_config.render import render
from packager.proof import contract
from packager.proof.contract import derive_outputs
from packager.proof.inputs import derive_inputs, fits
from packager.proof.result import Proof, Verdict
from packager.spec.recipe import ExportForm, ExportSpec, Pixels
from packager.spec.tensors import DataType
from packager.spec.training import NoTrainerSpec
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data

from . import artifacts, misfits
from .artifacts import FORMS, artifact

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from packager.spec.recipe import Recipe

IMAGE = (1, 28, 28)
FASHION = recipe("model=fashion_cnn")


def prove(made: Recipe, judged: torch.jit.ScriptModule) -> Proof:
    """Prove with the config that the recipe renders to."""
    return contract.prove(made, judged, config=render(made))


def _with(**values: Any) -> Recipe:
    return replace(FASHION, **values)


@pytest.mark.parametrize("form", FORMS)
def test_a_true_contract_holds(form: ExportForm, tmp_path: Path) -> None:
    """The finding says both sides."""
    proof = prove(FASHION, artifact(artifacts.Scores(), tmp_path, form=form))
    assert proof.verdict is Verdict.passed
    assert "input0 FP32 [1, 28, 28] -> output0 FP32 [10]" in proof.finding


def test_an_output_that_is_said_to_vary_and_does_not_is_refused(tmp_path: Path) -> None:
    """The one size that it has is named; data of ten classes have ten scores."""
    made = _with(outputs=(tensor("y", -1),))
    with pytest.raises(ProofError, match="gives 10 whatever it is asked") as caught:
        prove(made, artifact(artifacts.Scores(), tmp_path))
    assert caught.value.where == "outputs[0].dims[0]"
    assert caught.value.remedy.startswith("set 10")


def test_an_output_whose_size_follows_from_values_may_be_open(tmp_path: Path) -> None:
    """Zeros alone would not show it."""
    serving = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=null").serving
    made = without_data([tensor("x", 40)], [tensor("found", -1)], serving)
    assert prove(made, artifact(misfits.Found(), tmp_path)).verdict is Verdict.passed


def test_a_score_for_each_class_is_asked_for(tmp_path: Path) -> None:
    """Or labels would name the wrong scores: nine classes, ten scores."""
    assert FASHION.dataset is not None
    nine = replace(FASHION.dataset, classes=FASHION.classes[:9])
    made = _with(dataset=nine, trainer=NoTrainerSpec(), outputs=())
    scores = artifact(artifacts.Scores(), tmp_path)
    with pytest.raises(ProofError, match=r"gives \[10\]; the dataset has 9 classes") as caught:
        prove(derive_outputs(made, scores), scores)
    assert caught.value.where == "outputs[0].dims"


@pytest.mark.parametrize(
    ("outputs", "where", "problem"),
    [
        ([tensor("y", 9)], "outputs[0].dims", "gives [10]"),
        ([tensor("y", 1, 10)], "outputs[0].dims", "gives [10]"),
        ([tensor("y")], "outputs[0].dims", "gives [10]"),
        ([tensor("y", 10, data_type=DataType.FP16)], "outputs[0].data_type", "torch.float32"),
        ([tensor("y", 10, data_type=DataType.INT64)], "outputs[0].data_type", "torch.float32"),
        ([tensor("y", 10), tensor("z", 10)], "outputs", "gives 1 outputs, the recipe names 2"),
    ],
)
def test_a_wrong_output_is_refused(
    outputs: list[Any], where: str, problem: str, tmp_path: Path
) -> None:
    """Size, rank, type and number, each by its key."""
    made = _with(outputs=tuple(outputs), trainer=NoTrainerSpec())
    with pytest.raises(ProofError) as caught:
        prove(made, artifact(artifacts.Scores(), tmp_path))
    assert caught.value.where == where
    assert problem in caught.value.problem


def test_an_output_of_another_type_is_refused(tmp_path: Path) -> None:
    """The artifact's, this time."""
    with pytest.raises(ProofError, match=r"FP32; the artifact gives torch\.float16"):
        prove(FASHION, artifact(artifacts.Half(), tmp_path))


@pytest.mark.parametrize(
    ("kind", "told", "remedy"),
    [
        (artifacts.Scalar, "a scalar", "one number a sample, [N] or [N, 1]"),
        (artifacts.Named, "Dict[str, Tensor]", "a tuple of its values"),
        (artifacts.Number, "float", "one number a sample"),
        (artifacts.Nothing, "NoneType", "no return"),
        (artifacts.Complex, "torch.complex64", "y.float()"),
        (artifacts.Listed, "List[Tensor]", "a tuple in the list's place"),
        (misfits.Perhaps, "Optional[Tensor]", "a tensor in every case"),
        (misfits.Nested, "Tuple[Tensor, Tensor]", "one flat tuple"),
    ],
)
def test_an_answer_that_libtorch_does_not_return_is_refused(
    kind: type[nn.Module], told: str, remedy: str, tmp_path: Path
) -> None:
    """By its type, declared or given, and with what to return in its place."""
    for judge in (prove, derive_outputs):
        made = FASHION if judge is prove else _with(outputs=())
        with pytest.raises(ProofError) as caught:
            judge(made, artifact(kind(), tmp_path))
        assert caught.value.where.startswith("outputs")
        assert told in caught.value.problem
        assert remedy in caught.value.remedy


def test_an_argument_too_many_is_refused(tmp_path: Path) -> None:
    """Triton would not know what to send; the remedy has forward's names."""
    with pytest.raises(ProofError, match="takes 2 inputs, the recipe names 1") as caught:
        prove(FASHION, artifact(artifacts.Pair(), tmp_path))
    assert caught.value.where == "inputs"
    assert caught.value.remedy == "name each: x, y"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (artifacts.Scaled, "'factor' of type int"),
        (artifacts.WithOptional, "'bias' of type Optional"),
    ],
)
def test_an_argument_that_is_no_tensor_is_refused(
    kind: type[nn.Module], told: str, tmp_path: Path
) -> None:
    """By its name and type, named in the recipe or not: a default is never used."""
    inputs = (tensor("x", *IMAGE), tensor("factor", 1, data_type=DataType.INT64))
    for made in (FASHION, _with(inputs=inputs, trainer=NoTrainerSpec())):
        with pytest.raises(ProofError) as caught:
            prove(made, artifact(kind(), tmp_path))
        assert told in caught.value.problem
        assert caught.value.where == "architecture"


def test_a_file_without_forward_is_refused(tmp_path: Path) -> None:
    """Other methods are never called."""
    artifact(artifacts.NoForward(), tmp_path)
    with pytest.raises(ProofError, match=r"has no forward\(\)"):
        prove(FASHION, load(tmp_path / "model.pt"))


@pytest.mark.parametrize(
    "names",
    [("left", "right"), ("a", "b"), ("INPUT__0", "INPUT__1"), ("left", "b"), ("in_1", "in_0")],
)
def test_two_inputs_in_forwards_order_hold(names: tuple[str, str], tmp_path: Path) -> None:
    """By argument name, by index, or by order where the names say nothing."""
    two = without_data([tensor(name, 4) for name in names], [tensor("d", 4), tensor("s", 4)])
    proof = prove(two, artifact(artifacts.Minus(), tmp_path))
    assert f"{names[0]} FP32 [4], {names[1]} FP32 [4] -> d FP32 [4], s FP32 [4]" in proof.finding


@pytest.mark.parametrize(
    "names",
    [("right", "left"), ("b__1", "a__0"), ("other", "left"), ("x", "y__0"), ("a__0", "b__0")],
)
def test_two_inputs_that_would_be_swapped_are_refused(
    names: tuple[str, str], tmp_path: Path
) -> None:
    """Or whose names say so, while libtorch would silently go by order."""
    two = without_data([tensor(name, 4) for name in names], [tensor("d", 4), tensor("s", 4)])
    with pytest.raises(ProofError, match="by its name input") as caught:
        prove(two, artifact(artifacts.Minus(), tmp_path))
    assert caught.value.where.startswith("inputs[")
    assert "forward(left, right)" in caught.value.remedy


@pytest.mark.parametrize("names", [("s__1", "d__0"), ("d__1", "s"), ("a__0", "b__0")])
def test_two_outputs_that_would_be_swapped_are_refused(
    names: tuple[str, str], tmp_path: Path
) -> None:
    """Outputs go by index or by order."""
    two = without_data([tensor("a", 4), tensor("b", 4)], [tensor(name, 4) for name in names])
    with pytest.raises(ProofError, match="by its name output"):
        prove(two, artifact(artifacts.Minus(), tmp_path))


def test_an_index_past_the_inputs_is_refused(tmp_path: Path) -> None:
    """With libtorch it ends the whole server."""
    one = without_data([tensor("INPUT__3", 4)], [tensor("y", 4)])
    with pytest.raises(ProofError, match="would end the server"):
        prove(one, artifact(artifacts.Doubled(), tmp_path))


def test_indices_and_floats_go_together(tmp_path: Path) -> None:
    """Outputs of two types follow: scores, and one number a sample."""
    inputs = [tensor("index", 5, data_type=DataType.INT64), tensor("weights", 3)]
    lookup = artifact(artifacts.Lookup(), tmp_path)
    derived = derive_outputs(without_data(inputs, []), lookup)
    assert derived.outputs == (
        tensor("output0", 3),
        tensor("output1", data_type=DataType.INT64),
    )
    assert prove(derived, lookup).verdict is Verdict.passed


@pytest.mark.parametrize("data_type", TORCH_DTYPES)
def test_every_type_that_libtorch_maps_is_taken(data_type: DataType, tmp_path: Path) -> None:
    """Doubling keeps the type, but for truth."""
    made = without_data([tensor("x", 4, data_type=data_type)], [])
    derived = derive_outputs(made, artifact(artifacts.Doubled(), tmp_path))
    expected = DataType.INT64 if data_type is DataType.BOOL else data_type
    assert derived.outputs[0].data_type is expected


def test_a_dimension_that_follows_the_input_is_derived_open(tmp_path: Path) -> None:
    """A size of the input that was tried is not the output's own."""
    made = without_data([tensor("x", 3, -1)], [])
    derived = derive_outputs(made, artifact(artifacts.Doubled(), tmp_path))
    assert derived.outputs == (tensor("output0", 3, -1),)


def test_an_output_that_follows_an_open_input_is_not_fixed(tmp_path: Path) -> None:
    """The size that was declared is the first one tried."""
    follows = without_data([tensor("x", -1)], [tensor("y", 32)])
    with pytest.raises(ProofError, match=r"is \[32\]; the artifact gives \[64\]"):
        prove(follows, artifact(artifacts.Doubled(), tmp_path))


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
    made = replace(recipe("model=fashion_cnn", *overrides), outputs=(), trainer=NoTrainerSpec())
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


@pytest.mark.parametrize(
    ("pixels", "data_type"), [(Pixels.float32, DataType.FP32), (Pixels.uint8, DataType.UINT8)]
)
def test_an_input_left_out_is_the_datasets_image(pixels: Pixels, data_type: DataType) -> None:
    """One tensor of the image's shape, of the type that clients send."""
    made = _with(inputs=(), export=ExportSpec(pixels=pixels))
    assert derive_inputs(made, sample_shape=(3, 8, 9)).inputs == (
        tensor("input0", 3, 8, 9, data_type=data_type),
    )


@pytest.mark.parametrize(
    ("pixels", "given", "choice"),
    [
        (Pixels.float32, DataType.UINT8, "export=uint8_pixels"),
        (Pixels.uint8, DataType.FP32, "export=float32_pixels"),
    ],
)
def test_an_image_of_another_type_than_its_pixels_is_refused(
    pixels: Pixels, given: DataType, choice: str
) -> None:
    """The remedy names the other choice."""
    inputs = (tensor("x", *IMAGE, data_type=given),)
    with pytest.raises(SpecError) as caught:
        derive_inputs(_with(inputs=inputs, export=ExportSpec(pixels=pixels)), sample_shape=IMAGE)
    assert caught.value.where == "inputs[0].data_type"
    assert choice in caught.value.remedy


def test_without_data_the_inputs_are_the_recipes() -> None:
    """Any number and type, as long as libtorch has it."""
    inputs = [tensor("a", 4, data_type=DataType.INT8), tensor("b", -1)]
    made = without_data(inputs, [])
    assert derive_inputs(made, sample_shape=None) is made
    bytes_in = without_data([tensor("text", 1, data_type=DataType.BYTES)], [])
    with pytest.raises(SpecError, match="is BYTES") as caught:
        derive_inputs(bytes_in, sample_shape=None)
    assert caught.value.where == "inputs[0].data_type"


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
        ([tensor("x", *IMAGE, data_type=DataType.BF16)], "inputs[0].data_type"),
    ],
)
def test_an_input_that_does_not_fit_the_images_is_refused(inputs: list[Any], where: str) -> None:
    """Before anything is trained."""
    with pytest.raises(SpecError) as caught:
        derive_inputs(_with(inputs=tuple(inputs), trainer=NoTrainerSpec()), sample_shape=IMAGE)
    assert caught.value.where == where


def test_fitting_is_by_rank_and_size() -> None:
    """An open dimension takes any size, and only a size."""
    assert fits((1, 28), (1, 28))
    assert fits((1, 28), (-1, -1))
    assert fits((), ())
    assert not fits((1, 28), (1, 27))
    assert not fits((1, 28), (28,))
    assert not fits((28,), (-1, 28))


def test_a_size_beyond_the_memory_is_told() -> None:
    """As the fault of dims, not of ours."""
    made = without_data([tensor("x", 2**31, 2**20)], [])
    scripted = torch.jit.script(artifacts.Doubled())
    with pytest.raises(ProofError, match="does not take inputs") as caught:
        derive_outputs(made, scripted)
    assert caught.value.where == "inputs"


NULL = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=null").serving


@pytest.mark.parametrize(
    ("kind", "where", "found"),
    [
        (
            misfits.WiderByValue,
            "outputs[0].dims",
            r"is \[4\]; the artifact gives \[5\] on generated",
        ),
        (
            misfits.DoubleByValue,
            "outputs[0].data_type",
            r"gives torch\.float64 on generated inputs",
        ),
    ],
)
def test_an_output_that_is_another_for_other_values_is_refused(
    kind: type[nn.Module], where: str, found: str, tmp_path: Path
) -> None:
    """Zeros alone would have it as promised."""
    made = without_data([tensor("x", 4)], [tensor("y", 4)])
    with pytest.raises(ProofError, match=found) as caught:
        prove(made, artifact(kind(), tmp_path))
    assert caught.value.where == where
    assert caught.value.remedy.startswith("return one")


def test_values_decide_no_shape_in_a_batch(tmp_path: Path) -> None:
    """Declared open or left out: a row's neighbours would have it too."""
    judged = artifact(misfits.WiderByValue(), tmp_path)
    with pytest.raises(ProofError, match="decide the shape of its neighbours") as caught:
        derive_outputs(without_data([tensor("x", 4)], []), judged)
    assert caught.value.where == "outputs[0].dims"
    with pytest.raises(ProofError, match="decide the shape of its neighbours"):
        prove(without_data([tensor("x", 4)], [tensor("y", -1)]), judged)


def test_what_follows_from_values_is_derived_open_without_a_batch(tmp_path: Path) -> None:
    """On zeros there is nothing; none of any size is left 0."""
    judged = artifact(misfits.Detector(), tmp_path)
    made = derive_outputs(without_data([tensor("x", 40)], [], NULL), judged)
    assert [output.dims for output in made.outputs] == [(-1, 2), (-1,)]
    assert prove(made, judged).verdict is Verdict.passed


def test_a_mask_that_may_not_be_empty_is_asked_with_generated_values(tmp_path: Path) -> None:
    """Zeros are a first try only, by the recipe and by the config."""
    made = without_data([tensor("x", 40), tensor("mask", 40, data_type=DataType.BOOL)], [])
    judged = artifact(misfits.NotEmpty(), tmp_path)
    assert prove(derive_outputs(made, judged), judged).verdict is Verdict.passed


def test_generated_values_that_are_not_taken_are_told_as_such(tmp_path: Path) -> None:
    """Pixels' values as indices: the input is named, and what is generated for it."""
    made = without_data([tensor("x", 4, data_type=DataType.UINT8)], [])
    with pytest.raises(ProofError, match=r"that packager generates \('x' 0\.\.255\)") as caught:
        derive_outputs(made, artifact(misfits.Table(), tmp_path))
    assert caught.value.where == "inputs[0]"
    assert "declare INT64" in caught.value.remedy
