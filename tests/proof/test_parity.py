"""Parity: the bytes to be published answer as the trained module does."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from packager.errors import ProofError
from packager.export.torchscript import load
from packager.proof.parity import Kept, prove, require_as_trained
from packager.proof.result import Proof, Verdict
from packager.proof.samples import generated, stacked
from packager.spec.recipe import ExportForm
from packager.spec.tensors import DataType
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data
from tests.training.images import tiny

from . import artifacts, misfits
from .artifacts import EXACT, artifact
from .questions import labelled, rows

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from packager.datasets.load import Dataset
    from packager.spec.recipe import Recipe
    from packager.spec.serving import ServingSpec

BATCHED = recipe("model=fashion_cnn").serving
ONE = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=1").serving
NONE = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=null").serving
SMALL = replace(BATCHED, max_batch_size=7, dynamic_batching=None)


def _of(serving: ServingSpec) -> Recipe:
    """Return a recipe that leaves its outputs out: whatever is answered is only compared."""
    return without_data([tensor("x", 1)], [], serving)


def _proven(
    made: torch.jit.ScriptModule,
    module: nn.Module,
    images: Dataset,
    serving: ServingSpec = BATCHED,
) -> tuple[Proof, Kept]:
    return prove(made, module, labelled(images), recipe=_of(serving), source="test images")


def _accuracy(module: nn.Module, images: Dataset) -> float:
    with torch.inference_mode():
        classes = module(rows(images)[0]).argmax(1)
    return float((classes == images.test.labels).float().mean())


@pytest.mark.parametrize("form", EXACT)
def test_an_exported_module_is_on_par(form: ExportForm, images: Dataset, tmp_path: Path) -> None:
    """Both methods; the trained module's first answers and the accuracy come with it."""
    module = tiny().eval()
    proof, kept = _proven(artifact(module, tmp_path, form=form), module, images)
    assert proof.verdict is Verdict.passed
    assert proof.finding.startswith("300 test images: max error ")
    assert proof.measured["relative_error"] < 1e-5
    assert proof.measured["top1_agreement"] == 1.0
    assert proof.measured["accuracy"] == pytest.approx(_accuracy(module, images))
    (sent,), (answered,) = kept.rows, stacked(kept.expected)
    assert len(sent) == len(answered) == 256
    assert torch.equal(sent, rows(images, 256)[0])
    with torch.inference_mode():
        assert torch.allclose(answered, module(sent))


BFLOAT16 = ExportForm.bfloat16


def _proven_in_bfloat16(
    made: torch.jit.ScriptModule, module: nn.Module, images: Dataset
) -> tuple[Proof, Kept]:
    asked = replace(recipe("model=fashion_cnn", "export.optimize=bfloat16"), outputs=())
    return prove(made, module, labelled(images), recipe=asked, source="test images")


def test_bfloat16_is_judged_by_classes(images: Dataset, tmp_path: Path) -> None:
    """What a server is asked later are the artifact's own answers: those it must give again."""
    module = tiny().eval()
    loaded = artifact(module, tmp_path, form=BFLOAT16)
    proof, kept = _proven_in_bfloat16(loaded, module, images)
    assert 1e-4 < proof.measured["relative_error"] < 8 * 2**-7
    assert proof.measured["top1_agreement"] >= 0.999
    (answered,), (sent,) = stacked(kept.expected), kept.rows
    with torch.inference_mode():
        found, expected = loaded(sent), module(sent)
    assert torch.allclose(answered, found, rtol=0, atol=1e-6)
    assert not torch.allclose(answered, expected, rtol=0, atol=1e-6)


def test_bfloat16_that_changes_classes_is_refused(images: Dataset, tmp_path: Path) -> None:
    """Though its numbers are within a few roundings: all that differs is lost in them."""
    module = tiny().eval()
    with torch.no_grad():
        module.get_parameter("2.bias").fill_(100.0)
        module.get_parameter("2.weight").mul_(1e-2)
        last = module.get_parameter("4.weight")
        last.sub_(last.mean(1, keepdim=True))
        module.get_parameter("4.bias").fill_(100.0)
    loaded = artifact(module, tmp_path, form=BFLOAT16)
    with pytest.raises(ProofError, match=r"relative error .*, allowed 6e-02; top-1") as caught:
        _proven_in_bfloat16(loaded, module, images)
    assert caught.value.where == "export.optimize"
    assert caught.value.remedy == "set export.optimize=freeze"


def test_bfloat16_with_numbers_far_off_is_refused(images: Dataset, tmp_path: Path) -> None:
    """Though every class is the same."""
    module = tiny().eval()
    scaled = copy.deepcopy(module)
    with torch.no_grad():
        scaled.get_parameter("4.weight").mul_(1.2)
        scaled.get_parameter("4.bias").mul_(1.2)
    loaded = artifact(scaled, tmp_path, form=BFLOAT16)
    with pytest.raises(ProofError, match=r"relative error 2\.0e-01, allowed 6e-02"):
        _proven_in_bfloat16(loaded, module, images)


def test_bfloat16_without_scores_is_not_judged(images: Dataset, tmp_path: Path) -> None:
    """Numbers alone do not tell what it costs."""
    module = torch.nn.Conv2d(1, 2, 3).eval()
    loaded = artifact(module, tmp_path, form=BFLOAT16)
    with pytest.raises(ProofError, match="bfloat16 is judged by the classes of labelled images"):
        _proven_in_bfloat16(loaded, module, images)


@pytest.mark.parametrize("layer", [1, 4])
def test_weights_changed_by_one_percent_are_refused(
    layer: int, images: Dataset, tmp_path: Path
) -> None:
    """Of the first or of the last layer; the message has the measured error."""
    module = tiny().eval()
    changed = copy.deepcopy(module)
    with torch.no_grad():
        changed.get_parameter(f"{layer}.weight").mul_(1.01)
    with pytest.raises(ProofError, match=r"relative error \d\.\de-\d\d, allowed 1e-04"):
        _proven(artifact(changed, tmp_path), module, images)


def test_a_change_below_the_tolerance_passes(images: Dataset, tmp_path: Path) -> None:
    """Rounding is no difference."""
    module = tiny().eval()
    changed = copy.deepcopy(module)
    with torch.no_grad():
        changed.get_parameter("4.weight").mul_(1 + 1e-6)
    assert _proven(artifact(changed, tmp_path), module, images)[0].verdict is Verdict.passed


def test_nan_is_refused(images: Dataset, tmp_path: Path) -> None:
    """One row of NaN among the answers."""
    module = artifacts.Scores().eval()
    with pytest.raises(ProofError, match="relative error inf"):
        _proven(artifact(artifacts.NotANumber(), tmp_path), module, images)


def test_a_module_that_answers_nan_is_refused_even_by_itself(
    images: Dataset, tmp_path: Path
) -> None:
    """Two that agree on NaN are both of no use."""
    module = artifacts.NotANumber().eval()
    with pytest.raises(ProofError):
        _proven(artifact(module, tmp_path), module, images)


def test_answers_of_another_shape_are_refused(images: Dataset, tmp_path: Path) -> None:
    """Shapes are compared, not broadcast."""
    with pytest.raises(ProofError):
        _proven(artifact(artifacts.Merged(), tmp_path), artifacts.Scores().eval(), images)


@pytest.mark.parametrize("serving", [SMALL, ONE, NONE])
def test_the_artifact_is_asked_as_clients_will_ask(
    serving: ServingSpec, images: Dataset, tmp_path: Path
) -> None:
    """Seven rows at most, one row, one image without a batch axis: what was trained in batches."""
    module = tiny().eval()
    proof, kept = _proven(artifact(module, tmp_path), module, images, serving)
    assert proof.measured["top1_agreement"] == 1.0
    assert tuple(stacked(kept.expected)[0].shape) == (256, 10)


def test_a_module_without_data_is_asked_about_generated_inputs(tmp_path: Path) -> None:
    """Two inputs and two outputs, of two types; there are no labels to compare with."""
    inputs = [tensor("index", 5, data_type=DataType.INT64), tensor("weights", 3)]
    module, asked = artifacts.Lookup().eval(), generated(inputs)
    proof, kept = prove(
        artifact(module, tmp_path),
        module,
        [(asked, None)],
        recipe=_of(BATCHED),
        source="generated inputs",
    )
    assert proof.finding.startswith("256 generated inputs: max error ")
    assert proof.finding.endswith("equal integers 100.00%")
    assert set(proof.measured) == {"relative_error", "equal_integers"}
    assert [len(one) for one in (*kept.rows, *kept.expected)] == [256] * 4


def test_one_of_two_outputs_that_differs_is_refused(tmp_path: Path) -> None:
    """The second, swapped with the first."""
    asked = generated([tensor("a", 4), tensor("b", 4)])
    with pytest.raises(ProofError, match="relative error"):
        prove(
            artifact(artifacts.MinusSwapped(), tmp_path),
            artifacts.Minus().eval(),
            [(asked, None)],
            recipe=_of(BATCHED),
            source="generated inputs",
        )


def test_a_file_is_compared_with_itself_and_says_so(tmp_path: Path) -> None:
    """Loaded a second time: nothing else knows its answers."""
    made = artifact(artifacts.ThisSample(), tmp_path)
    again = load(tmp_path / "model.pt")
    asked = generated([tensor("x", 4)])
    proof, kept = prove(made, again, [(asked, None)], recipe=_of(NONE), source="generated inputs")
    assert (
        proof.finding
        == "256 generated inputs: max error 0.0e+00 of max|y|, by the file's own answers"
    )
    assert tuple(stacked(kept.expected)[0].shape) == (256, 2, 2)


def test_a_file_whose_answers_are_random_is_refused() -> None:
    """Dropout that was left on."""
    made = torch.jit.script(torch.nn.Dropout())
    with pytest.raises(ProofError, match="answers otherwise"):
        prove(
            made,
            made,
            [(generated([tensor("x", 64)]), None)],
            recipe=_of(BATCHED),
            source="generated inputs",
        )


def test_infinite_answers_to_generated_inputs_are_refused(tmp_path: Path) -> None:
    """They could not be compared."""
    module = artifacts.Inverse().eval()
    asked = (torch.zeros(8, 4),)
    with pytest.raises(ProofError, match="NaN or infinity on generated inputs") as caught:
        prove(
            artifact(module, tmp_path),
            module,
            [(asked, None)],
            recipe=_of(BATCHED),
            source="generated inputs",
        )
    assert caught.value.where == "architecture"


def test_infinity_that_is_meant_is_compared_by_its_place(tmp_path: Path) -> None:
    """Of a model without data: the logarithm of a mask; the finding says how many."""
    module, asked = artifacts.Inverse().eval(), torch.tensor([[0.0, 1.0, 2.0, 4.0]] * 8)
    made = artifact(module, tmp_path)
    proof, kept = prove(made, module, [((asked,), None)], recipe=_of(BATCHED), source="inputs")
    assert proof.finding.endswith("8 numbers are NaN or infinite, the same in both")
    assert stacked(kept.expected)[0].isinf().sum() == 8
    other = artifact(artifacts.Doubled(), tmp_path)
    with pytest.raises(ProofError, match="relative error inf"):
        prove(other, module, [((asked,), None)], recipe=_of(BATCHED), source="inputs")


def test_the_accuracy_is_the_trained_modules(images: Dataset, tmp_path: Path) -> None:
    """What training measured, to the image; another figure means other weights."""
    module = tiny().eval()
    proof, _ = _proven(artifact(module, tmp_path), module, images)
    accuracy = _accuracy(module, images)
    assert proof.measured["accuracy"] == proof.measured["module_accuracy"]
    require_as_trained(proof, accuracy)
    with pytest.raises(ProofError, match="for which training measured") as caught:
        require_as_trained(proof, accuracy + 0.01)
    assert caught.value.where == "trainer"


def test_without_a_row_nothing_is_proven(tmp_path: Path) -> None:
    """An empty test set agrees with everything."""
    module = tiny().eval()
    with pytest.raises(ProofError, match="there are no test images"):
        prove(artifact(module, tmp_path), module, [], recipe=_of(BATCHED), source="test images")


def test_a_module_that_works_in_place_changes_nothing_for_the_others(tmp_path: Path) -> None:
    """What the artifact is asked, and what is kept for the server, is what the module was asked."""
    module = artifacts.InPlace().eval()
    asked = generated([tensor("x", 4)])
    before = asked[0].clone()
    _, kept = prove(
        artifact(module, tmp_path),
        module,
        [(asked, None)],
        recipe=_of(BATCHED),
        source="generated inputs",
    )
    assert torch.equal(kept.rows[0], before)
    assert torch.equal(stacked(kept.expected)[0], before * 2)


def test_samples_with_other_numbers_of_rows_are_compared_one_by_one(tmp_path: Path) -> None:
    """A detector, without a batch axis: each sample's boxes are kept for the server."""
    module, asked = misfits.Detector().eval(), generated([tensor("x", 40)])
    made = without_data([tensor("x", 40)], [tensor("boxes", -1, 2), tensor("s", -1)], NONE)
    judged = artifact(module, tmp_path)
    proof, kept = prove(judged, module, [(asked, None)], recipe=made, source="generated inputs")
    assert proof.verdict is Verdict.passed
    boxes, scores = kept.expected
    assert len(boxes) == len(scores) == 256
    assert len({len(one) for one in boxes}) > 1
    other = artifact(torch.nn.Sequential(artifacts.Doubled(), module), tmp_path)
    with pytest.raises(ProofError, match="answers otherwise"):
        prove(other, module, [(asked, None)], recipe=made, source="generated inputs")


def test_what_the_artifact_gives_is_held_to_the_recipe(tmp_path: Path) -> None:
    """Real images may have another shape than zeros; the module agrees, config.pbtxt does not."""
    module, asked = misfits.WiderWhenLarge().eval(), (torch.full((8, 4), 2.0),)
    made = without_data([tensor("x", 4)], [tensor("y", 4)])
    with pytest.raises(ProofError, match=r"gives \[5\] on test images") as caught:
        prove(
            artifact(module, tmp_path), module, [(asked, None)], recipe=made, source="test images"
        )
    assert caught.value.where == "outputs[0].dims"


def test_a_shape_that_is_one_batchs_own_is_refused(tmp_path: Path) -> None:
    """It follows from the neighbours."""
    module = misfits.WiderWhenLarge().eval()
    asked = (torch.cat([torch.zeros(128, 4), torch.full((128, 4), 2.0)]),)
    made = without_data([tensor("x", 4)], [tensor("y", -1)])
    with pytest.raises(ProofError, match="another shape or type in one batch") as caught:
        prove(artifact(module, tmp_path), module, [(asked, None)], recipe=made, source="rows")
    assert "serving.batch_dim=null" in caught.value.remedy
