"""The config alone against the artifact: each thing that Triton would not notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from packager.errors import ProofError
from packager.model_config.parse import parse
from packager.model_config.render import render
from packager.proof.as_configured import require_config
from tests.model_config.composing import recipe
from tests.model_config.specs import tensor, without_data

from . import artifacts
from .artifacts import artifact

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import Recipe

TEN = "dims: [10]"
FASHION = recipe("model=fashion_cnn")
ANY = recipe("model=fashion_cnn", "serving=unbatched")
ONE = recipe("model=fashion_cnn", "serving=unbatched", "serving.batch_dim=1")
NUMBERS = without_data([tensor("x")], [tensor("y")])


def _config(made: Recipe, *changes: tuple[str, str]) -> Any:
    text = render(made)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse(text)


@pytest.mark.parametrize("made", [FASHION, ANY, ONE])
def test_a_config_that_fits_passes(made: Recipe, tmp_path: Path) -> None:
    """Batched, with any number of rows in dims, and with one."""
    require_config(_config(made), artifact(artifacts.Scores(), tmp_path), made)


def test_a_number_a_sample_passes_by_its_reshape(tmp_path: Path) -> None:
    """Clients send [N, 1], the artifact sees [N]."""
    require_config(_config(NUMBERS), artifact(artifacts.Doubled(), tmp_path), NUMBERS)


@pytest.mark.parametrize(
    ("made", "changes", "problem"),
    [
        (FASHION, [("dims: [1, 28, 28]", "dims: [1, 28, 27]")], "the artifact refuses"),
        (FASHION, [(TEN, "dims: [11]")], "is [1, 11], the batch first"),
        (FASHION, [(TEN, "dims: [-1, 10]")], "is [1, -1, 10], the batch first"),
        (ANY, [("dims: [-1, 10]", "dims: [10]")], "is [10]; the artifact gives [2, 10]"),
        (ANY, [("dims: [-1, 10]", "dims: [1, 10]")], "is [1, 10]; the artifact gives [2, 10]"),
        (ANY, [("max_batch_size: 0", "max_batch_size: 8")], "is [1, -1, 10], the batch first"),
        (FASHION, [(f"FP32\n  {TEN}", f"FP64\n  {TEN}")], "is TYPE_FP64; the artifact gives"),
        (FASHION, [("TYPE_FP32", "TYPE_BF16")], "unsupported datatype TYPE_BF16"),
        (FASHION, [('"input0"', '"INPUT__3"')], "refers to index 3"),
        (
            FASHION,
            [('"output0"', '"OUTPUT__1"')],
            "names output 1, 'OUTPUT__1'",
        ),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    made: Recipe, changes: list[tuple[str, str]], problem: str, tmp_path: Path
) -> None:
    """Sizes, ranks, the batch's place, types and names, whatever the recipe says."""
    module = artifacts.Flexible()
    with pytest.raises(ProofError) as caught:
        require_config(_config(made, *changes), artifact(module, tmp_path), made)
    assert problem in caught.value.problem
    assert caught.value.where == "config.pbtxt"


def test_labels_for_another_number_of_scores_are_refused(tmp_path: Path) -> None:
    """Of an output that names a labels file; its neighbours need none."""
    made = without_data([tensor("x", 1, 28, 28)], [tensor("y", 10)])
    labelled = _config(made, ("dims: [10]", 'dims: [10]\n  label_filename: "labels.txt"'))
    with pytest.raises(ProofError, match=r"has 0 labels for \[10\]"):
        require_config(labelled, artifact(artifacts.Scores(), tmp_path), made)
