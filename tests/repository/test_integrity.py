"""Verifying: whatever is changed, taken away or added is named."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packager.repository import transition
from packager.repository.control import shared_of
from packager.repository.files import LocalFiles
from packager.repository.integrity import model_findings, version_findings
from packager.repository.manifest import canonical, sealed
from packager.repository.policy import pinned
from packager.repository.state import read

from .recorded import NAME, model_in, publish_recorded, recipe, state
from .staging import repository_in

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import RepositorySpec

VERSION_FILES = ("manifest.json", "metrics.jsonl", "model.pt")
SHARED_FILES = ("config.pbtxt", "configs/gpu.pbtxt", "labels.txt")


@pytest.fixture
def repository(tmp_path: Path) -> RepositorySpec:
    """Give a repository with two versions; the second is served."""
    made = repository_in(tmp_path)
    for weights in ("one", "two"):
        publish_recorded(made, weights, recipe(hosts=True))
    return made


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> RepositorySpec:
    """Give one for many tries, which put back what they changed."""
    made = repository_in(tmp_path_factory.mktemp("kept"))
    publish_recorded(made, "one")
    return made


def _of_version(repository: RepositorySpec, version: int) -> list[str]:
    found = version_findings(LocalFiles(repository.path), state(repository), version)
    return [str(one) for one in found]


def _of_model(repository: RepositorySpec) -> list[str]:
    return [str(one) for one in model_findings(LocalFiles(repository.path), state(repository))]


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 1
    path.write_bytes(content)


def _edit(path: Path, **fields: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content | fields


def test_what_was_published_has_no_findings(repository: RepositorySpec) -> None:
    """Neither version, nor what they share."""
    assert _of_version(repository, 1) == _of_version(repository, 2) == _of_model(repository) == []


@pytest.mark.parametrize("name", VERSION_FILES)
def test_a_changed_file_of_a_version_is_named(repository: RepositorySpec, name: str) -> None:
    """One bit, in the middle; the other version stays as it is."""
    path = model_in(repository).version(1) / name
    _flip(path, path.stat().st_size // 2)
    (found,) = _of_version(repository, 1)
    assert found.startswith((f"{NAME}/1/{name} is changed", f"{NAME}/1/{name} cannot be read"))
    assert _of_version(repository, 2) == []


def test_versions_that_changed_places_are_named(repository: RepositorySpec) -> None:
    """Whole as they are, each answers for its own number only; so does a copy for its model."""
    model = model_in(repository)
    model.version(1).rename(model.directory / "x")
    model.version(2).rename(model.version(1))
    (model.directory / "x").rename(model.version(2))
    assert _of_version(repository, 1) == [f"{NAME}/1/manifest.json is that of version 2"]
    assert _of_version(repository, 2) == [f"{NAME}/2/manifest.json is that of version 1"]
    other = repository.path / "other"
    shutil.copytree(model.directory, other)
    files = LocalFiles(repository.path)
    found = [str(one) for one in version_findings(files, read(files, "other"), 1)]
    assert f"other/1/manifest.json is that of model '{NAME}'" in found


@pytest.mark.parametrize("name", VERSION_FILES)
def test_a_missing_file_of_a_version_is_named(repository: RepositorySpec, name: str) -> None:
    """The manifest too."""
    (model_in(repository).version(1) / name).unlink()
    assert _of_version(repository, 1) == [f"{NAME}/1/{name} is missing"]


@pytest.mark.parametrize("name", ["new", ".hidden", "deep/er/new", "config.pbtxt", "labels.txt"])
def test_an_added_file_of_a_version_is_named(repository: RepositorySpec, name: str) -> None:
    """However deep, whatever its name."""
    path = model_in(repository).version(1) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert _of_version(repository, 1) == [f"{NAME}/1/{name} is added"]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0), bit=st.integers(0, 7))
def test_no_bit_of_a_manifest_can_change(kept: RepositorySpec, at: int, bit: int) -> None:
    """Wherever it is: spaces, times and numbers too."""
    path = model_in(kept).manifest(1)
    before = path.read_bytes()
    content = bytearray(before)
    content[at % len(content)] ^= 1 << bit
    path.write_bytes(content)
    try:
        (found, *_) = _of_version(kept, 1)
        assert found.startswith(f"{NAME}/1/manifest.json")
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("config", 'name: "other"\n'),
        ("labels", ["a"]),
        ("host_configs", {"gpu": 'name: "other"\n'}),
        ("identity", "0" * 64),
    ],
)
def test_a_manifest_sealed_anew_contradicts_itself(
    repository: RepositorySpec, field: str, value: object
) -> None:
    """Who edits what clients see must change the identity, and config_sha256, too."""
    path = model_in(repository).manifest(1)
    path.write_text(sealed(_edit(path, **{field: value})))
    assert _of_version(repository, 1)
    assert all(found.startswith(f"{NAME}/1/manifest.json") for found in _of_version(repository, 1))


def test_a_manifest_without_its_seal_is_changed(repository: RepositorySpec) -> None:
    """Taking it out is no way round it."""
    path = model_in(repository).manifest(1)
    path.write_text(canonical(_edit(path, times={"built": "2020-01-01T00:00:00+00:00"})))
    assert _of_version(repository, 1) == [f"{NAME}/1/manifest.json is changed"]


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"config": 1}', '{"config": "", "files": []}', "\x80"]
)
def test_what_is_no_manifest_is_named(repository: RepositorySpec, text: str) -> None:
    """And ends nothing."""
    model_in(repository).manifest(1).write_text(text, encoding="latin-1")
    assert _of_version(repository, 1) == [f"{NAME}/1/manifest.json cannot be read"]


@pytest.mark.parametrize("name", SHARED_FILES)
def test_a_changed_shared_file_is_named(repository: RepositorySpec, name: str) -> None:
    """Config, config of a host, labels; in the last byte, which no parser sees."""
    path = model_in(repository).directory / name
    path.write_bytes(path.read_bytes() + b" ")
    assert _of_model(repository) == [f"{NAME}/{name} is changed"]


@pytest.mark.parametrize("name", SHARED_FILES)
def test_a_missing_shared_file_is_named(repository: RepositorySpec, name: str) -> None:
    """Without a config no version is served: the newest one's files are expected."""
    (model_in(repository).directory / name).unlink()
    assert _of_model(repository) == [f"{NAME}/{name} is missing"]


@pytest.mark.parametrize("name", ["new", "configs/cpu.pbtxt", "2.bak/model.pt", "labels-0.txt"])
def test_an_added_shared_file_is_named(repository: RepositorySpec, name: str) -> None:
    """What Triton would take for a config or a version, and any other."""
    path = model_in(repository).directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    assert _of_model(repository) == [f"{NAME}/{name} is added"]


def test_a_config_that_serves_another_version_is_as_published(repository: RepositorySpec) -> None:
    """Promoted: the same text with a policy of that version alone."""
    wanted = shared_of(state(repository).records[1], alone=True)
    transition.serve(repository, NAME, wanted)
    assert state(repository).served == (1,)
    assert _of_model(repository) == []


@pytest.mark.parametrize("policy", ["all { }", "latest { num_versions: 2 }"])
def test_another_policy_than_published_or_pinned_is_named(
    repository: RepositorySpec, policy: str
) -> None:
    """Somebody serves old versions by a config that may not be theirs."""
    config = model_in(repository).config
    config.write_text(f"{config.read_text()}version_policy {{\n  {policy}\n}}\n")
    assert _of_model(repository) == [f"{NAME}/config.pbtxt is changed"]


def test_a_pinned_config_with_another_change_is_named(repository: RepositorySpec) -> None:
    """The policy excuses nothing but itself."""
    config = model_in(repository).config
    config.write_text(pinned(config.read_text().replace("[10]", "[11]"), [2]))
    assert _of_model(repository) == [f"{NAME}/config.pbtxt is changed"]


def test_a_copy_of_labels_that_publishing_left_is_no_finding(repository: RepositorySpec) -> None:
    """Its name says its content: another's is added."""
    publish_recorded(repository, "three", labels=("a", "b"))
    copies = list(model_in(repository).directory.glob("labels-*.txt"))
    assert len(copies) == 1
    assert _of_model(repository) == []
    copies[0].write_text("x")
    assert _of_model(repository) == [f"{NAME}/{copies[0].name} is added"]


def test_a_version_of_somebody_else_has_no_manifest(repository: RepositorySpec) -> None:
    """Nothing answers for it; what versions share is not held to anything then."""
    model = model_in(repository)
    shutil.copytree(model.version(2), model.version(7))
    model.manifest(7).unlink()
    assert _of_version(repository, 7) == [f"{NAME}/7/manifest.json is missing"]
    assert _of_model(repository) == []


def test_a_manifest_of_an_older_format_is_held_to_its_files(repository: RepositorySpec) -> None:
    """It has neither seal nor identity."""
    path = model_in(repository).manifest(1)
    content = _edit(path, format=1)
    for field in ("identity", "times", "stages"):
        del content[field]
    path.write_text(canonical(content))
    assert _of_version(repository, 1) == []
    _flip(model_in(repository).artifact(1), 0)
    assert _of_version(repository, 1) == [f"{NAME}/1/model.pt is changed"]
