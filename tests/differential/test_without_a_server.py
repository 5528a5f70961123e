"""Every rule finds what breaks it, and only that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.model_config.parse import schema
from packager.model_config.rules import layout
from packager.model_config.rules.catalogue import RULES
from packager.model_config.rules.check import check
from packager.model_config.rules.rule import Judge, Severity
from tests.differential import plan
from tests.differential.case import Case, CaseFiles
from tests.differential.named import NAMED
from tests.differential.opinion import HOST, findings

CASES = plan.pair_cases(7, breaking=3, passing=2)
BY_RULE: dict[str, list[Case]] = {}
for one in CASES:
    BY_RULE.setdefault(one.rule, []).append(one)


@pytest.mark.parametrize("rule", BY_RULE)
def test_a_rule_finds_what_breaks_it_and_no_near_miss(rule: str) -> None:
    """With a message that is what the rule says it looks like."""
    for case in BY_RULE[rule]:
        found = findings(case, f"model{case.suffix}")
        assert {one.rule.id for one in found} == (
            {rule} if case.purpose.name == "breaks" else set()
        )
        for one in found:
            assert one.rule.pattern.fullmatch(one.message), one.message


@pytest.mark.parametrize("name", NAMED)
def test_a_named_case_breaks_its_rule_first(name: str) -> None:
    """As the server tells of it first."""
    found = findings(NAMED[name], "model")
    assert (found[0].rule.id if found else "") == NAMED[name].rule


def test_every_rule_of_the_server_has_its_cases() -> None:
    """But for the repository's directories, which the linter's tests hold against the server."""
    judged = {
        rule.id
        for rule in RULES.values()
        if rule.judge in (Judge.core, Judge.abort) and rule.severity is Severity.error
    }
    assert judged - set(plan.PAIRS) <= {rule.id for rule in layout.RULES}


_SCALARS = {
    "string": st.sampled_from(["", "a", "x__1", "ensemble", "pytorch_libtorch", "../x", "é"]),
    "int": st.sampled_from([-(2**31), -2, -1, 0, 1, 2, 9, 2**31 - 1]),
    "uint": st.sampled_from([0, 1, 9, 2**32 - 1]),
    "float": st.sampled_from([0.0, -1.0, 2.0, float("nan"), float("inf")]),
    "bool": st.booleans(),
}
_KINDS = {1: "float", 2: "float", 3: "int", 4: "uint", 5: "int", 8: "bool", 9: "string", 13: "uint"}
_KINDS |= {14: "int"}


@st.composite
def messages(draw: st.DrawFn) -> Any:
    """Any `ModelConfig` at all, enumerations' numbers without a name too."""
    message = schema().ModelConfig()
    _fill(draw, message, 0)
    return message


def _fill(draw: st.DrawFn, message: Any, depth: int) -> None:
    fields = message.DESCRIPTOR.fields
    most = (5 if depth else 8) if fields else 0
    chosen = draw(st.lists(st.sampled_from(list(fields) or [None]), max_size=most))
    for field in chosen:
        value = getattr(message, field.name)
        is_map = field.message_type and field.message_type.GetOptions().map_entry
        if is_map:
            key = "a" if field.message_type.fields[0].type == 9 else 1
            if field.message_type.fields[1].message_type:
                _fill(draw, value[key], depth + 1)
            else:
                value[key] = "b" if field.message_type.fields[1].type == 9 else 1
        elif field.is_repeated:
            for _ in range(draw(st.integers(0, 2))):
                if field.message_type:
                    _fill(draw, value.add(), depth + 1)
                else:
                    value.append(draw(_SCALARS[_KINDS[field.type]]))
        elif field.message_type:
            value.SetInParent()
            _fill(draw, value, depth + 1)
        else:
            setattr(message, field.name, draw(_SCALARS[_KINDS[field.type]]))


@settings(max_examples=300, deadline=None)
@given(messages())
def test_no_message_stops_the_rules(message: Any) -> None:
    """Whatever is in it, they answer."""
    files = CaseFiles("a", {"1/model.pt": b"", "2.bak/": b"", "config.pbtxt": b""})
    for one in [*check(message), *check(message, files=files, host=HOST)]:
        assert one.message
        assert one.rule.pattern.fullmatch(one.message)
