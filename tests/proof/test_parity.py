"""Parity: the bytes to be published answer as the trained module does."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
import torch

from packager.errors import ProofError
from packager.proof.parity import prove
from packager.proof.result import Verdict
from packager.spec.recipe import ExportMethod
from packager.training.evaluate import accuracy, predict
from tests.training.images import tiny

from . import artifacts
from .artifacts import artifact

if TYPE_CHECKING:
    from pathlib import Path

    from packager.datasets.load import Dataset


@pytest.mark.parametrize("method", ExportMethod)
def test_an_exported_module_is_on_par(
    method: ExportMethod, images: Dataset, tmp_path: Path
) -> None:
    """Both methods; the trained module's answers and the accuracy come with it."""
    module = tiny().eval()
    proof, expected = prove(artifact(module, tmp_path, method=method), module, images.test)
    assert proof.verdict is Verdict.passed
    assert proof.measured["relative_error"] < 1e-5
    assert proof.measured["top1_agreement"] == 1.0
    assert proof.measured["accuracy"] == pytest.approx(accuracy(module, images.test))
    assert torch.equal(expected, predict(module, images.test.images))


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
        prove(artifact(changed, tmp_path), module, images.test)


def test_a_change_below_the_tolerance_passes(images: Dataset, tmp_path: Path) -> None:
    """Rounding is no difference."""
    module = tiny().eval()
    changed = copy.deepcopy(module)
    with torch.no_grad():
        changed.get_parameter("4.weight").mul_(1 + 1e-6)
    assert prove(artifact(changed, tmp_path), module, images.test)[0].verdict is Verdict.passed


def test_nan_is_refused(images: Dataset, tmp_path: Path) -> None:
    """One row of NaN among the answers."""
    module = artifacts.Scores().eval()
    with pytest.raises(ProofError, match="relative error inf"):
        prove(artifact(artifacts.NotANumber(), tmp_path), module, images.test)


def test_a_module_that_answers_nan_is_refused_even_by_itself(
    images: Dataset, tmp_path: Path
) -> None:
    """Two that agree on NaN are both of no use."""
    module = artifacts.NotANumber().eval()
    with pytest.raises(ProofError):
        prove(artifact(module, tmp_path), module, images.test)


def test_answers_of_another_shape_are_refused(images: Dataset, tmp_path: Path) -> None:
    """Shapes are compared, not broadcast."""
    with pytest.raises(ProofError):
        prove(artifact(artifacts.Merged(), tmp_path), artifacts.Scores().eval(), images.test)
