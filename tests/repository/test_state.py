"""A model's state and its records: read from disk, whoever wrote what lies there."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from packager.repository.files import LocalFiles
from packager.repository.state import read

from .recorded import NAME, model_in, publish_recorded, recipe, state
from .staging import repository_in

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import RepositorySpec


@pytest.fixture
def repository(tmp_path: Path) -> RepositorySpec:
    """Give a repository with three versions, which no journal or copy is beside."""
    made = repository_in(tmp_path)
    for weights in ("one", "two", "three"):
        publish_recorded(made, weights, recipe(hosts=True))
    return made


def test_a_record_is_what_was_published(repository: RepositorySpec) -> None:
    """Config, labels and configs of hosts as they lie on disk; when, and how accurate."""
    record, model = state(repository).records[3], model_in(repository)
    assert record.config == model.config.read_text()
    assert record.host_configs == {"gpu": model.host_config("gpu").read_text()}
    assert list(record.labels) == model.labels.read_text().splitlines()
    assert record.identity == record.expected_identity
    assert (record.accuracy, record.built) == (0.75, "2026-11-22T19:53:20+00:00")
    assert set(record.files) == {"model.pt", "metrics.jsonl"}


def test_identities_tell_versions_apart_and_not_their_numbers(repository: RepositorySpec) -> None:
    """The same published again is no new version; other weights are."""
    assert len({record.identity for record in state(repository).records.values()}) == 3
    assert publish_recorded(repository, "three", recipe(hosts=True)) == 3


@pytest.mark.parametrize(
    ("policy", "served"),
    [
        ("", (3,)),
        ("all { }", (1, 2, 3)),
        ("latest { num_versions: 2 }", (2, 3)),
        ("specific { versions: [1, 9] }", (1,)),
        ("specific { versions: [9] }", ()),
    ],
)
def test_the_policy_on_disk_says_what_is_served(
    repository: RepositorySpec, policy: str, served: tuple[int, ...]
) -> None:
    """Of the versions that are there."""
    config = model_in(repository).config
    if policy:
        config.write_text(f"{config.read_text()}version_policy {{ {policy} }}\n")
    assert state(repository).served == served


@pytest.mark.parametrize("text", ["platfrm: 3", "\xff", "{"])
def test_a_broken_config_serves_nothing(repository: RepositorySpec, text: str) -> None:
    """And hides no version."""
    model_in(repository).config.write_text(text, encoding="latin-1")
    assert state(repository).served == ()
    assert state(repository).versions == (1, 2, 3)


def test_a_model_without_a_config_serves_nothing(repository: RepositorySpec) -> None:
    """Triton may complete one for other backends; ours needs it."""
    model_in(repository).config.unlink()
    assert (state(repository).config, state(repository).served) == (None, ())


def test_a_model_that_is_not_there_has_no_versions(tmp_path: Path) -> None:
    """Nor has a directory without any."""
    (tmp_path / "empty").mkdir()
    for name in ("empty", "missing"):
        found = read(LocalFiles(tmp_path), name)
        assert (found.versions, found.served, found.newest) == ((), (), None)


def test_versions_are_those_that_triton_counts(repository: RepositorySpec) -> None:
    """In the order of numbers; leading zeros and other names are none."""
    directory = model_in(repository).directory
    for name in ("10", "04", "0", "-5", "x"):
        (directory / name).mkdir()
    assert state(repository).versions == (1, 2, 3, 10)


@pytest.mark.parametrize(
    "change",
    [
        {"config": None},
        {"files": ["model.pt"]},
        {"files": {"model.pt": 1}},
        {"labels": "abc"},
        {"labels": [1]},
        {"host_configs": {"gpu": {}}},
        {"times": [1]},
        {"metrics": "0.5"},
    ],
)
def test_a_manifest_of_other_types_is_somebody_elses(
    repository: RepositorySpec, change: dict[str, object]
) -> None:
    """Nothing that is read of it later can then fail."""
    path = model_in(repository).manifest(2)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert sorted(state(repository).records) == [1, 3]


@pytest.mark.parametrize("policy", [None, {}, {"kind": "none"}, {"kind": "all", "versions": 1}])
def test_a_strange_policy_gives_no_identity(repository: RepositorySpec, policy: object) -> None:
    """It cannot be what it was computed from."""
    path = model_in(repository).manifest(2)
    content = json.loads(path.read_text())
    content["recipe"]["serving"]["version_policy"] = policy
    path.write_text(json.dumps(content))
    assert state(repository).records[2].expected_identity is None


def test_older_manifests_tell_accuracy_in_their_training(repository: RepositorySpec) -> None:
    """Those of format 1; what came later is blank."""
    path = model_in(repository).manifest(2)
    content = json.loads(path.read_text())
    for field in ("metrics", "times", "identity", "stages"):
        del content[field]
    path.write_text(json.dumps(content | {"format": 1}))
    record = state(repository).records[2]
    assert (record.accuracy, record.built, record.identity) == (0.25, "", "")


def test_a_model_is_the_same_wherever_it_is_copied(
    repository: RepositorySpec, tmp_path: Path
) -> None:
    """No path is a part of it."""
    shutil.copytree(repository.path, tmp_path / "copy")
    assert read(LocalFiles(tmp_path / "copy"), NAME) == state(repository)
