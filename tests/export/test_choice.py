"""Which form is taken of those that were measured; no clock is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.export.choice import Choice, Rates, choose
from packager.spec.recipe import ExportForm

if TYPE_CHECKING:
    from collections.abc import Mapping

NONE, FREEZE, LAST, BFLOAT16 = (
    ExportForm.none,
    ExportForm.freeze,
    ExportForm.channels_last,
    ExportForm.bfloat16,
)


def steady(one: float, many: float) -> Rates:
    """Return rates at batches of 1 and 128 that are the same in five rounds."""
    return {1: (one,) * 5, 128: (many,) * 5}


BASE = {NONE: steady(90, 6000), FREEZE: steady(100, 8000), LAST: steady(100, 15000)}


@pytest.mark.parametrize(
    ("rates", "form"),
    [
        (steady(100, 30000), BFLOAT16),
        (steady(96, 30000), BFLOAT16),
        (steady(94, 30000), LAST),
        (steady(300, 15700), LAST),
        (steady(100, 15800), BFLOAT16),
        ({1: (100,) * 5, 128: (30000, 30000, 30000, 30000, 100)}, BFLOAT16),
        ({1: (100,) * 5, 128: (90000, 90000, 90000, 100, 100)}, LAST),
    ],
)
def test_another_form_has_to_be_faster_by_a_margin(rates: Rates, form: ExportForm) -> None:
    """At the largest batch, in all rounds but one, and not slower alone by more than the margin."""
    assert choose({**BASE, BFLOAT16: rates}).form is form


def test_the_fastest_of_several_is_taken() -> None:
    """Whatever their order."""
    measured = {**BASE, FREEZE: steady(200, 40000), BFLOAT16: steady(200, 30000)}
    chosen = choose(measured)
    assert chosen.form is FREEZE
    assert chosen.why == "the fastest at batch 128, and not slower than channels_last at 1"


@pytest.mark.parametrize(
    ("measured", "form"), [({NONE: BASE[NONE], FREEZE: BASE[FREEZE]}, FREEZE), ({}, LAST)]
)
def test_what_does_less_takes_a_refused_defaults_place(
    measured: Mapping[ExportForm, Rates], form: ExportForm
) -> None:
    """And where nothing passes, the default is exported: its own proofs tell why not."""
    assert choose(measured, {LAST: "is refused: other answers"}).form is form


def test_a_choice_is_told_and_read_back() -> None:
    """As it is kept, with the rates of every round."""
    chosen = choose(BASE, {BFLOAT16: "is judged by classes, and there are no data"})
    assert chosen.told("images") == (
        "channels_last of 4 forms: 15,000 images/s at batch 128 (none 6,000, freeze 8,000);"
        " bfloat16 is judged by classes, and there are no data"
    )
    assert Choice.from_json(chosen.as_json()) == chosen
