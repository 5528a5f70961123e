"""Names of a sweep's jobs: distinct, readable, and safe as directories."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.spec.recipe import MODEL_NAME
from packager.sweep.names import joined, suffix, swept_keys

KEYS = [
    "trainer",
    "trainer.lr",
    "trainer.batch_size",
    "serving/instance_group",
    "serving.instance_group.count",
    "dataset.max_train_samples",
]


def test_only_keys_with_several_values_are_swept() -> None:
    """In the order given; ranges and choices count too."""
    overrides = ["trainer.lr=0.1,0.2", "trainer.seed=3", "+trainer.epochs=range(1,4)"]
    assert swept_keys([*overrides, "trainer=default,tutorial_sgd", "a@b=c,d"]) == [
        "trainer.lr",
        "trainer.epochs",
        "trainer",
        "a@b",
    ]


def test_a_list_is_one_value() -> None:
    """Brackets and quotes hold commas together."""
    assert swept_keys(["inputs=[1,2]", "name='a,b'", "dataset.resize=[1,2],[3,4]"]) == [
        "dataset.resize"
    ]


def test_a_recipe_or_a_name_needs_no_suffix() -> None:
    """They are distinct already."""
    assert swept_keys(["model=fashion_cnn,mnist_cnn", "name=a,b"]) == []


def test_a_suffix_is_readable() -> None:
    """The last part of the key, and the value."""
    keys = ["serving.instance_group.count", "trainer.lr"]
    overrides = ["model=x", "serving.instance_group.count=2", "trainer.lr=0.01"]
    assert suffix(keys, overrides) == "-count_2-lr_0.01"


def test_nothing_swept_is_no_suffix() -> None:
    """A job alone keeps its name."""
    assert suffix([], ["model=x", "trainer.lr=0.1"]) == ""


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["a.x.size", "b.y.size"], "-x.size_1-y.size_1"),
        (["a.x.size", "b.x.size"], "-a.x.size_1-b.x.size_1"),
        (["lr", "trainer.lr"], "-lr_1-trainer.lr_1"),
        (
            ["serving/instance_group", "x.instance_group"],
            "-serving.instance_group_1-x.instance_group_1",
        ),
    ],
)
def test_keys_of_one_last_part_use_more_parts(keys: list[str], expected: str) -> None:
    """As many as tell them apart."""
    assert suffix(keys, [f"{key}=1" for key in keys]) == expected


@pytest.mark.parametrize("override", ["+trainer.lr=1", "++trainer.lr=1"])
def test_an_added_key_is_found(override: str) -> None:
    """Hydra's + is no part of the key."""
    assert suffix(["trainer.lr"], [override]) == "-lr_1"


def test_a_value_may_hold_an_equals_sign() -> None:
    """The key ends at the first one."""
    assert suffix(["a"], ['a="x=y"']).startswith("-a_x_y_")


@given(
    keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True),
    data=st.data(),
)
def test_names_are_safe(keys: list[str], data: st.DataObject) -> None:
    """Whatever the values are, the name is one that a recipe may have."""
    overrides = [f"{key}={data.draw(st.text(max_size=8))}" for key in keys]
    name = f"m{suffix(keys, overrides)}"
    assert MODEL_NAME.fullmatch(name)


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2", "10"],
        ["-1", "1", "null"],
        ["0.1", "0.01", "1e-1"],
        ["[1,2]", "[12]", "[1,2,3]"],
        ["/data/a", "/data_a"],
        ["'a b'", "a_b"],
    ],
)
def test_distinct_values_give_distinct_names(values: list[str]) -> None:
    """Otherwise two jobs would publish as versions of one model."""
    names = [suffix(["x.key"], [f"x.key={value}"]) for value in values]
    assert len(set(names)) == len(values), names


def test_every_job_of_a_grid_has_its_own_name() -> None:
    """Three keys, two of them of one last part."""
    keys = ["trainer.batch_size", "serving.batch_size", "trainer.lr"]
    grid = itertools.product([1, 11], [1, 11], [0.1, 0.01])
    names = {
        suffix(keys, [f"{key}={value}" for key, value in zip(keys, job, strict=True)])
        for job in grid
    }
    assert len(names) == 8


def test_a_group_put_elsewhere_is_found() -> None:
    """As Hydra writes it, with its package."""
    assert suffix(["x/group@here"], ["+x/group@here=one"]) == "-group_here_one"


def test_a_name_that_fits_is_whole() -> None:
    """Up to the most characters that a model's name may have."""
    assert joined("m", f"-{'x' * 126}") == f"m-{'x' * 126}"


@given(name=st.from_regex(r"[a-z]{1,90}", fullmatch=True), data=st.data())
def test_a_long_name_is_cut_and_stays_safe_and_distinct(name: str, data: st.DataObject) -> None:
    """It begins with the recipe's name and the first keys; a digest of them all ends it."""
    values = data.draw(st.lists(st.text(min_size=60, max_size=70), min_size=2, max_size=2))
    values = [*values, *(f"{values[0]}{end}" for end in "12")]
    keys = ["trainer.lr", "inputs.0.dims"]
    suffixes = [suffix(keys, [f"{key}={value}" for key in keys]) for value in dict.fromkeys(values)]
    names = [joined(name, one) for one in suffixes]
    assert len({*names}) == len({*suffixes})
    for one in names:
        assert MODEL_NAME.fullmatch(one)
        assert one.startswith(f"{name}-lr_")
