"""What a new version changes: for clients, for older versions, and for a server that polls."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from packager.errors import SpecError
from packager.model_config.render import render
from packager.repository.changes import (
    Interface,
    breaking,
    interface,
    policy,
    published,
    require_compatible,
    require_policy_fits,
    what_triton_does,
)
from packager.repository.files import LocalFiles
from tests.model_config.composing import recipe

from .recorded import NAME, model_in, publish_recorded, state
from .recorded import recipe as recorded
from .staging import repository_in

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import RepositorySpec

BASE = (
    'name: "m" max_batch_size: 8'
    ' input { name: "x" data_type: TYPE_FP32 dims: [1, 28, 28] }'
    ' output { name: "y" data_type: TYPE_FP32 dims: [10] label_filename: "labels.txt" }'
)
LABELS = ("cat", "dog", "fox")


@pytest.fixture
def repository(tmp_path: Path) -> RepositorySpec:
    """Give an empty repository."""
    return repository_in(tmp_path)


def _of(config: str, labels: tuple[str, ...] = LABELS) -> Interface:
    made = interface(config, labels)
    assert made is not None
    return made


def _breaking(old: str, new: str) -> list[str]:
    return breaking(_of(old), _of(new))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('"x"', '"z"'), "input 'x' is named 'z' now"),
        (('"y"', '"z"'), "output 'y' is named 'z' now"),
        (
            ("FP32 dims: [1, 28", "UINT8 dims: [1, 28"),
            "input 'x' is UINT8 [-1, 1, 28, 28] now, and was FP32 [-1, 1, 28, 28]",
        ),
        (("[10]", "[11]"), "output 'y' is FP32 [-1, 11] now, and was FP32 [-1, 10]"),
        (("[1, 28, 28]", "[28, 28]"), "input 'x' is FP32 [-1, 28, 28] now,"),
        (("[1, 28, 28]", "[1, 28, -1]"), "input 'x' is FP32 [-1, 1, 28, -1] now,"),
        (("size: 8", "size: 7"), "max_batch_size is 7 now, and was 8"),
        (("size: 8", "size: 0"), "batching is off now, and max_batch_size was 8"),
        (
            (" output {", ' input { name: "w" data_type: TYPE_INT8 dims: [1] } output {'),
            "input 'w' is new",
        ),
        (
            (" input {", ' output { name: "w" data_type: TYPE_INT8 dims: [1] } input {'),
            "output 'w' is new",
        ),
        (('"m"', '"m" model_transaction_policy { decoupled: true }'), "for decoupled answers"),
        (('"m"', '"m" sequence_batching { }'), "requests are for sequences"),
    ],
)
def test_what_clients_trip_over_is_listed(change: tuple[str, str], expected: str) -> None:
    """With what it is, and what it was."""
    found = _breaking(BASE, BASE.replace(*change))
    assert any(expected in line for line in found), found


@pytest.mark.parametrize(
    "change",
    [
        ('"m"', '"m" instance_group { count: 4 kind: KIND_CPU }'),
        ('"m"', '"m" dynamic_batching { max_queue_delay_microseconds: 5 }'),
        ('"m"', '"m" version_policy { all { } }'),
        ('"m"', '"m" platform: "pytorch_libtorch" parameters { key: "a" value { } }'),
        ("size: 8", "size: 9"),
        (
            " output {",
            ' input { name: "w" data_type: TYPE_INT8 dims: [1] optional: true } output {',
        ),
        ("dims: [10]", "dims: [10] reshape { shape: [10, 1] }"),
    ],
)
def test_what_clients_do_not_see_is_not_listed(change: tuple[str, str]) -> None:
    """How it runs, more rows a batch, an input that may be left out."""
    assert BASE.replace(*change) != BASE
    assert _breaking(BASE, BASE.replace(*change)) == []


def test_the_order_of_tensors_is_no_change() -> None:
    """Clients name them."""
    more = BASE.replace(" output {", ' input { name: "w" data_type: TYPE_INT8 dims: [1] } output {')
    first = ' input { name: "w" data_type: TYPE_INT8 dims: [1] }'
    turned = BASE.replace(" input {", f"{first} input {{")
    assert _breaking(more, turned) == []


def test_shapes_are_compared_with_the_batch() -> None:
    """Batching turned on changes where it is written, and how much of it there may be."""
    off = BASE.replace("size: 8", "size: 0")
    off = off.replace("[1, 28, 28]", "[-1, 1, 28, 28]").replace("[10]", "[-1, 10]")
    assert _breaking(off, BASE) == ["max_batch_size is 8 now, and there was no limit"]
    assert _breaking(BASE, off) == ["batching is off now, and max_batch_size was 8"]


def test_an_input_that_was_optional_is_listed_when_it_is_not() -> None:
    """Clients leave it out."""
    optional = BASE.replace("[1, 28, 28]", "[1, 28, 28] optional: true")
    assert _breaking(optional, BASE) == ["input 'x' was optional and is not any more"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("cat", "cow", "fox"), ["label 1 is 'cow' now, and was 'dog'"]),
        (("dog", "cat", "fox"), ["labels are in another order: dog, cat, fox"]),
        (("cat", "dog"), ["label 2 'fox' is gone"]),
        (("cat", "dog", "fox", "owl"), ["label 3 'owl' is new"]),
        ((), ["labels are gone"]),
        (LABELS, []),
    ],
)
def test_changes_of_labels_are_listed(labels: tuple[str, ...], expected: list[str]) -> None:
    """By their index, which is what clients have."""
    assert breaking(_of(BASE), _of(BASE, labels)) == expected


def test_labels_where_there_were_none_break_nobody() -> None:
    """Nobody could ask for them."""
    assert breaking(_of(BASE, ()), _of(BASE)) == []


def test_many_changes_of_labels_are_counted() -> None:
    """A page of them helps nobody."""
    old, new = (tuple(f"{mark}{one}" for one in range(100)) for mark in "ab")
    found = breaking(_of(BASE, old), _of(BASE, new))
    assert len(found) == 6
    assert found[-1] == "95 more labels differ"


def test_a_breaking_version_is_refused_with_every_difference() -> None:
    """And with the ways out; allowed it is published."""
    new = _of(BASE.replace('"x"', '"z"').replace("[10]", "[11]"))
    with pytest.raises(SpecError) as caught:
        require_compatible(_of(BASE), new, allow=False)
    assert caught.value.where == "allow_breaking"
    assert "input 'x' is named 'z' now; output 'y' is FP32 [-1, 11]" in caught.value.problem
    assert "allow_breaking=true" in caught.value.remedy
    require_compatible(_of(BASE), new, allow=True)
    require_compatible(None, new, allow=False)
    require_compatible(_of(BASE), _of(BASE), allow=False)


def test_the_served_version_is_what_clients_have(repository: RepositorySpec) -> None:
    """Not the newest, after a rollback; and a broken config of somebody's hides nothing."""
    files = LocalFiles(repository.path)
    assert published(files, state(repository)) is None
    publish_recorded(repository, "one")
    publish_recorded(repository, "two", labels=("a",))
    now = published(files, state(repository))
    assert now is not None
    assert now.labels == ("a",)
    config = model_in(repository).config
    config.write_text(
        f"{config.read_text()}version_policy {{\n  specific {{ versions: [1] }}\n}}\n"
    )
    now = published(files, state(repository))
    assert now is not None
    assert now.labels == recorded().classes
    config.write_text("platfrm: 3")
    now = published(files, state(repository))
    assert now is not None
    assert now.labels == ("a",)


def test_somebody_elses_version_is_what_lies_on_disk(repository: RepositorySpec) -> None:
    """It has no manifest to ask."""
    publish_recorded(repository, "one")
    model_in(repository).manifest(1).unlink()
    now = published(LocalFiles(repository.path), state(repository))
    assert now is not None
    assert now.labels == recorded().classes
    assert now.config.name == NAME


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("serving.max_batch_size=256",), "proven up to max_batch_size 128, not 256"),
        (("serving.max_batch_size=64",), "max_batch_size is 64 now"),
        (("inputs.0.name=image",), "input 'input0' is named 'image' now"),
        (("serving.instance_group.count=2",), None),
    ],
)
@pytest.mark.parametrize(
    "kind",
    [
        "serving.version_policy.kind=all",
        "serving.version_policy.num_versions=2",
        "serving.version_policy={kind: specific, versions: [1]}",
    ],
)
def test_a_policy_that_serves_older_versions_must_fit_them(
    repository: RepositorySpec, kind: str, overrides: tuple[str, ...], problem: str | None
) -> None:
    """The config belongs to the model: old weights would be served by it."""
    publish_recorded(repository, "one")
    made = replace(recipe("model=fashion_cnn", kind, *overrides), name=NAME)
    arguments = state(repository), render(made, version=2), made.classes, 2
    if problem is None:
        require_policy_fits(*arguments)
        return
    with pytest.raises(SpecError, match=problem) as caught:
        require_policy_fits(*arguments)
    assert caught.value.where == "serving.version_policy"
    assert "version 1" in caught.value.problem


def test_a_policy_of_the_newest_alone_fits_anything(repository: RepositorySpec) -> None:
    """Triton's default."""
    publish_recorded(repository, "one")
    made = replace(recipe("model=fashion_cnn", "inputs.0.name=image"), name=NAME)
    require_policy_fits(state(repository), render(made, version=2), ("a",), 2)


def _does(more_before: str | None, more_after: str, *arguments: Any, **keywords: Any) -> list[str]:
    before = None if more_before is None else f"{BASE} {more_before}"
    return what_triton_does(before, f"{BASE} {more_after}", *arguments, **keywords)


INSTANCES = "instance_group { count: 2 kind: KIND_CPU }"
BATCHER = "dynamic_batching { max_queue_delay_microseconds: 5 }"
ALL = "version_policy { all { } }"
LATEST_2 = "version_policy { latest { num_versions: 2 } }"
ONE = "version_policy { specific { versions: [1] } }"


@pytest.mark.parametrize(
    ("before", "after", "versions", "version", "expected"),
    [
        (None, "", (), 1, ["loads version 1"]),
        ("", "", (1,), 2, ["loads version 2", "drops version 1 (policy latest 1)"]),
        (ALL, ALL, (1,), 2, ["loads version 2"]),
        (LATEST_2, LATEST_2, (1, 2), 3, ["loads version 3", "drops version 1 (policy latest 2)"]),
        (
            ALL,
            f"{ALL} {BATCHER}",
            (1,),
            2,
            ["loads version 2", "reloads version 1 with the new config"],
        ),
        ("", BATCHER, (1,), None, ["reloads version 1 with the new config"]),
        ("", INSTANCES, (1,), None, ["updates the instances of version 1, without a reload"]),
        ("", ONE, (1,), None, ["nothing"]),
        ("", ONE, (1, 2), None, ["loads version 1", "drops version 2 (policy specific 1)"]),
        ("", "", (1,), None, ["nothing"]),
        (ONE, ONE, (1,), 2, ["nothing"]),
        ("platfrm: 3", "", (1,), 2, ["loads version 2"]),
    ],
)
def test_what_a_polling_server_does_is_told(
    before: str | None, after: str, versions: Any, version: int | None, expected: list[str]
) -> None:
    """Which versions it loads, reloads and drops; by which policy."""
    assert _does(before, after, versions, version) == expected


def test_changed_labels_reload_what_stays() -> None:
    """They are read at load."""
    assert _does("", "", (1,), None, files_changed=True) == [
        "reloads version 1: files beside it changed"
    ]


def test_policies_are_told_in_words() -> None:
    """As Triton understands them: none is the newest; an empty one is all."""
    told = {text: policy(_of(f"{BASE} {text}").config) for text in ("", ALL, LATEST_2, ONE)}
    assert told == {"": "latest 1", ALL: "all", LATEST_2: "latest 2", ONE: "specific 1"}
    assert policy(_of(f"{BASE} version_policy {{ }}").config) == "all"
