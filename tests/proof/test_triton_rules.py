"""Triton's rules in the first proof: what Triton refuses is not published."""

from __future__ import annotations

import pytest

from packager.errors import ProofError
from packager.model_config.parse import parse
from packager.model_config.render import render
from packager.proof.rules import prove
from packager.proof.triton_rules import require
from tests.model_config.composing import recipe

FASHION = recipe("model=fashion_cnn")


def test_a_broken_rule_is_refused_with_id_place_wording_and_remedy() -> None:
    """Before the live proof, which would only show the server's log."""
    text = render(FASHION).replace("TYPE_FP32\n  dims: [10]", "TYPE_BF16\n  dims: [10]")
    line = text.split("\n").index("  data_type: TYPE_BF16") + 1
    with pytest.raises(ProofError) as caught:
        prove(text, FASHION)
    assert caught.value.where == f"config.pbtxt:{line}:3"
    assert caught.value.problem.startswith("TRN802 unsupported datatype TYPE_BF16")
    assert "(recipe: inputs, outputs)" in caught.value.remedy


def test_all_broken_rules_are_told_at_once() -> None:
    """Not one a build."""
    text = render(FASHION).replace("dims: [10]", "dims: [0]").replace("dims: [1, 28", "dims: [1, 0")
    with pytest.raises(ProofError) as caught:
        require(text, parse(text), "config.pbtxt")
    assert caught.value.problem.count("TRN205") == 2
    assert "; at 12:10 TRN205" in caught.value.problem


def test_a_warning_is_in_the_proofs_finding() -> None:
    """It publishes, and the build's table shows it."""
    whole = recipe(
        "model=fashion_cnn",
        "inputs=[{name: x, data_type: FP32, dims: [-1, 1, 28, 28]}]",
        "outputs=[{name: y, data_type: FP32, dims: [-1, 10]}]",
    )
    finding = prove(render(whole), whole).finding
    assert "TRN232 dims of input 'x' begin with -1 where max_batch_size is 128" in finding
    assert "(recipe: inputs, outputs)" in finding
