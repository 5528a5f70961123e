"""Which cases a run draws: pairs for every rule, valid models, several violations, texts."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.differential import (
    pairs_batching,
    pairs_data,
    pairs_ensembles,
    pairs_identity,
    pairs_running,
    pairs_tensors,
    valid_models,
)
from tests.differential.case import Case, Purpose
from tests.differential.texts import texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hypothesis.strategies import DrawFn, SearchStrategy

    from tests.differential.draft import Draft
    from tests.differential.pairs import Pair

PAIRS: Mapping[str, Pair] = {
    **pairs_identity.PAIRS,
    **pairs_tensors.PAIRS,
    **pairs_batching.PAIRS,
    **pairs_data.PAIRS,
    **pairs_running.PAIRS,
    **pairs_ensembles.PAIRS,
}
"""Rule id -> its pair."""


# What depends on the samples' and the states' hash maps, and texts, are not put together.
_NOT_COMBINED = frozenset(
    rule for rule in PAIRS if rule in pairs_data.PAIRS or rule in ("TRN101", "TRN701", "TRN731")
)


def drawn(strategy: SearchStrategy[Draft], count: int, number: int) -> list[Draft]:
    """Return so many examples, the same for the same seed."""
    found: list[Draft] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Draft) -> None:
        found.append(example)

    collect()
    return found


def pair_cases(number: int, *, breaking: int, passing: int) -> list[Case]:
    """Return cases for every rule: so many that break it, and so many that nearly do."""
    cases = []
    for rule, both in PAIRS.items():
        mine = number + int(rule[3:])
        cases += [
            draft.case(Purpose.breaks, rule=rule, seed=number)
            for draft in drawn(both.breaks, breaking, mine)
        ]
        cases += [
            draft.case(Purpose.near_miss, rule=rule, seed=number)
            for draft in drawn(both.nearly, passing, mine)
        ]
    return cases


def valid_cases(number: int, count: int) -> list[Case]:
    """Return valid models over all fields, and valid ensembles."""
    models = drawn(valid_models.models(), count - count // 5, number)
    graphs = drawn(pairs_ensembles.ensembles(), count // 5, number)
    return [draft.case(Purpose.valid, seed=number) for draft in (*models, *graphs)]


def several_cases(number: int, count: int) -> list[Case]:
    """Return models with what breaks two rules: the server tells of the first it comes to."""
    rules = [rule for rule in PAIRS if rule not in _NOT_COMBINED]
    pairs = st.tuples(st.sampled_from(rules), st.sampled_from(rules))
    both = pairs.flatmap(lambda ids: st.tuples(*(PAIRS[rule].breaks for rule in ids)))
    return [
        draft.case(Purpose.several, seed=number) for draft in drawn(_merged(both), count, number)
    ]


@st.composite
def _merged(draw: DrawFn, both: SearchStrategy[tuple[Draft, Draft]]) -> Draft:
    first, second = draw(both)
    name = second.config.name
    first.config.MergeFrom(second.config)
    first.config.name = name
    first.files |= second.files
    first.text = None
    return first


def text_cases(number: int, count: int) -> list[Case]:
    """Return texts that parsers may read apart."""
    return [draft.case(Purpose.text, seed=number) for draft in drawn(texts(), count, number)]


def cases(number: int, count: int) -> list[Case]:
    """Return about `count` cases of all kinds: one violation, near-misses, valid, several, texts.

    From 2,000 on every rule is broken in at least ten.
    """
    some, few = count // 20, count // 25
    rest = count - 3 * some - few
    breaking = max(1, rest * 2 // 3 // len(PAIRS))
    passing = max(1, rest // 3 // len(PAIRS))
    found = pair_cases(number, breaking=breaking, passing=passing)
    if len(found) > rest:
        found = random.Random(number).sample(found, rest)  # noqa: S311 - a choice of cases
    return [
        *found,
        *valid_cases(number, 2 * some),
        *several_cases(number, some),
        *text_cases(number, few),
    ]
