"""Version policies: the same config, and other versions served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packager.errors import SpecError
from packager.model_config.parse import parse
from packager.model_config.render import render
from packager.repository.policy import pinned
from tests.model_config.composing import recipe
from tests.model_config.specs import recipes

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe

NUMBERS = st.lists(st.integers(1, 2**63 - 1), min_size=1, max_size=4, unique=True)


@settings(max_examples=50, deadline=None)
@given(made=recipes(), versions=NUMBERS)
def test_only_the_policy_of_our_own_texts_changes(made: Recipe, versions: list[int]) -> None:
    """Every other byte stays, whatever the names of tensors hold."""
    text = render(made)
    again = pinned(text, versions)
    listed = ", ".join(map(str, sorted(versions)))
    policy = f"version_policy {{\n  specific {{ versions: [{listed}] }}\n}}\n"
    assert again.endswith(policy)
    assert text.startswith(again.removesuffix(policy))
    expected = parse(text)
    expected.version_policy.Clear()
    expected.version_policy.specific.versions.extend(sorted(versions))
    assert parse(again) == expected


@settings(max_examples=50, deadline=None)
@given(made=recipes(), versions=NUMBERS, others=NUMBERS)
def test_pinning_twice_is_pinning_once(
    made: Recipe, versions: list[int], others: list[int]
) -> None:
    """The last pin holds; nothing piles up."""
    text = render(made)
    assert pinned(pinned(text, others), versions) == pinned(text, versions)


@pytest.mark.parametrize(
    "text",
    [
        'name: "m" version_policy { all { } } max_batch_size: 0 backend: "x"',
        'version_policy: { latest: { num_versions: 2 } }\nname: "m"  # a comment\n',
        'name: "m"\r\nversion_policy {\r\n  all { }\r\n}\r\n',
        'name: "m"\nversion_policy { specific { versions: 1, versions: 2 } }',
        'name: "version_policy {\\n}\\n"',
    ],
)
def test_somebody_elses_text_says_the_same_but_for_its_policy(text: str) -> None:
    """However it is written; `max_batch_size` is always there, as Triton wants it."""
    expected = parse(text)
    expected.version_policy.Clear()
    expected.version_policy.specific.versions.append(7)
    again = pinned(text, [7])
    assert parse(again) == expected
    assert pinned(again, [7]) == again


def test_a_text_that_is_no_config_is_refused() -> None:
    """With line and column."""
    with pytest.raises(SpecError, match="not a valid"):
        pinned("platfrm: 3", [1])


POLICY = "serving.version_policy"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((), ""),
        ((f"{POLICY}.num_versions=3",), "latest { num_versions: 3 }"),
        ((f"{POLICY}.kind=all",), "all { }"),
        ((f"{POLICY}.kind=specific",), "specific { versions: [5] }"),
        (
            (f"{POLICY}.kind=specific", f"{POLICY}.versions=[9,2]"),
            "specific { versions: [2, 5, 9] }",
        ),
        ((f"{POLICY}.kind=specific", f"{POLICY}.versions=[5]"), "specific { versions: [5] }"),
    ],
)
def test_a_recipes_policy_ends_its_config(overrides: tuple[str, ...], expected: str) -> None:
    """The version that is built is always among the specific ones; the default is Triton's own."""
    plain = render(recipe("model=fashion_cnn"), version=5)
    text = render(recipe("model=fashion_cnn", *overrides), version=5)
    assert text == (f"{plain}version_policy {{\n  {expected}\n}}\n" if expected else plain)


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        ((f"{POLICY}.num_versions=0",), f"{POLICY}.num_versions"),
        ((f"{POLICY}.kind=all", f"{POLICY}.num_versions=2"), f"{POLICY}.num_versions"),
        ((f"{POLICY}.versions=[1]",), f"{POLICY}.versions"),
        ((f"{POLICY}.kind=specific", f"{POLICY}.versions=[0]"), f"{POLICY}.versions"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(overrides: tuple[str, ...], key: str) -> None:
    """By the key that is wrong."""
    with pytest.raises(SpecError) as caught:
        recipe("model=fashion_cnn", *overrides)
    assert caught.value.where == key


def test_the_template_is_the_only_writer_of_policies() -> None:
    """`POLICY_BLOCK` finds what it writes: at the end, in lines of its own."""
    template = Path(__file__).parents[2] / "templates" / "config.pbtxt.j2"
    assert template.read_text().rstrip().endswith("{% endif %}")
    assert template.read_text().count("version_policy {") == 3
