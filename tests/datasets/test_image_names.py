"""Names of classes as file names: safe, short, and as many as there were."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from packager.datasets.image_names import path_safe

NAMES = {
    "ankle boot": "ankle_boot",
    "t-shirt/top": "t-shirt_top",
    "..": "class",
    "...": "class",
    "": "class",
    "/": "_",
    ".hidden": "hidden",
    "ends.": "ends",
    "-rf": "_rf",
    "../../etc/passwd": "_.._etc_passwd",
    "a\nb": "a_b",
    "a b\\c:d*e?": "a_b_c_d_e_",
    "{0} $(id)": "_0____id_",
    "straße": "straße",
    "été": "été",
    "犬": "犬",
    "con": "_con",
    "NUL.txt": "_NUL.txt",
    "console": "console",
    "labels.txt": "labels.txt-0",
    "x" * 300: "x" * 100,
    "犬" * 300: "犬" * 33,
}


@pytest.mark.parametrize(("name", "expected"), NAMES.items())
def test_a_name_becomes_safe(name: str, expected: str) -> None:
    """What is safe already stays."""
    assert path_safe([name]) == (expected,)


def test_names_alike_after_cleaning_stay_different() -> None:
    """The one that is safe as it is keeps its name, wherever it stands."""
    names = ["a/b", "a b", "a_b", "A_B", "a_b-0"]
    assert path_safe(names) == ("a_b-0-0", "a_b-1", "a_b", "A_B-3", "a_b-0")
    assert path_safe(["..", ".", "class"]) == ("class-0", "class-1", "class")


@settings(max_examples=50)
@given(st.lists(st.text(max_size=120), unique=True, max_size=12))
@example(["é", "e\u0301", "É"])
@example(["x" * 100 + "a", "x" * 100 + "b"])
@example(["a/b", "a b", "a_b-1", "a_b-0", "a_b"])
def test_any_names_stay_different_and_safe(names: list[str]) -> None:
    """Even where case does not count; short enough to be followed by an index."""
    safe = path_safe(names)
    assert len({name.casefold() for name in safe}) == len(names)
    for name in safe:
        assert 0 < len(name.encode()) < 150
        assert all(one.isalnum() or one in "-_." for one in name)
        assert name[0] not in ".-"
        assert name[-1] != "."
