"""Proof 1: the rendered text is a ModelConfig, and says what the recipe says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.errors import ProofError
from packager.model_config.compare import differences
from packager.model_config.parse import parse
from packager.proof.result import Proof

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe


def prove(text: str, recipe: Recipe) -> Proof:
    """Parse the rendered `config.pbtxt` and compare it with the recipe field by field.

    Raises:
        SpecError: the text does not parse.
        ProofError: a field differs.
    """
    found = differences(parse(text), recipe)
    if found:
        raise ProofError(
            "; ".join(found),
            where="config.pbtxt",
            remedy="correct templates/config.pbtxt.j2",
        )
    return Proof(name="rules", finding="config.pbtxt parses and equals the recipe field by field")
