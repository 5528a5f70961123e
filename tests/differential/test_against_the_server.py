"""The rules and the real server say the same of every model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.differential import plan
from tests.differential.agreement import disagreement, report
from tests.differential.judge import Judge, Verdict
from tests.differential.named import NAMED
from tests.differential.opinion import ending, findings

if TYPE_CHECKING:
    from tests.differential.case import Case

SEED, CASES = 20_251, 100
DRAWN = plan.cases(SEED, CASES)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    """One server's verdicts on all cases of this module."""
    cases = [*DRAWN, *NAMED.values()]
    return Judge(tmp_path_factory.mktemp("judge")).verdicts(cases, ending=ending(cases))


def test_drawn_models_are_judged_alike(verdicts: list[Verdict]) -> None:
    """`python bench/differential.py` draws thousands."""
    assert not [text for case, one in _drawn(verdicts) if (text := _difference(case, one))]


def test_a_rule_left_out_is_noticed(verdicts: list[Verdict]) -> None:
    """Where it alone is broken, the rest would accept the model."""
    noticed = 0
    for case, verdict in _drawn(verdicts):
        found = findings(case, verdict.name)
        rules = {one.rule for one in found}
        if len(rules) == 1:
            noticed += 1
            assert disagreement(verdict, [])
    assert noticed > CASES // 4


def test_a_third_to_two_thirds_load(verdicts: list[Verdict]) -> None:
    """Or the cases would say little of either side."""
    loading = sum(one.loads for _, one in _drawn(verdicts))
    assert 0.3 * CASES <= loading <= 0.7 * CASES


def _drawn(verdicts: list[Verdict]) -> list[tuple[Case, Verdict]]:
    return list(zip(DRAWN, verdicts[: len(DRAWN)], strict=True))


def _difference(case: Case, verdict: Verdict) -> str | None:
    difference = disagreement(verdict, findings(case, verdict.name))
    return difference and report(case, verdict, difference)


@pytest.mark.parametrize("name", NAMED)
def test_a_past_disagreement_is_mended(name: str, verdicts: list[Verdict]) -> None:
    """Server and rules say what the case was kept for."""
    case = NAMED[name]
    verdict = verdicts[len(DRAWN) + list(NAMED).index(name)]
    assert verdict.loads == (not case.rule)
    assert _difference(case, verdict) is None
