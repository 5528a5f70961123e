"""Serving another version, and taking versions out: with the same care as publishing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.errors import UnavailableError
from packager.repository import durable
from packager.repository.layout import ModelPaths
from packager.repository.shared import Shared, held, interchangeable
from packager.repository.transition import remove, serve
from packager.repository.versions import versions

from .mounts import mounted, needs_mount
from .staging import leftovers, publish_marked, repository_in, tree

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import RepositorySpec

FIRST = Shared(config="# a\nversion_policy { specific { versions: [1] } }\n", labels=("a",))


@pytest.fixture
def repository(tmp_path: Path) -> RepositorySpec:
    """Give a repository with two versions of one model, whose labels differ."""
    spec = repository_in(tmp_path)
    publish_marked(spec, "a")
    publish_marked(spec, "b", hosts=("gpu",))
    return spec


def _config(more: str, *, name: str = "x") -> dict[str, bytes]:
    text = f'max_batch_size: 0 input [{{ name: "{name}" data_type: TYPE_FP32 dims: [1] }}] {more}'
    return {"config.pbtxt": text.encode()}


def test_another_version_is_served_with_its_own_files(repository: RepositorySpec) -> None:
    """Config and labels as given; configs of hosts that it has none for go."""
    serve(repository, "m", FIRST)
    model = ModelPaths(repository.path / "m")
    assert model.config.read_text() == FIRST.config
    assert model.labels.read_text() == "a\n"
    assert model.host_configs() == {}
    assert versions(model.directory) == (1, 2)
    assert leftovers(repository) == []


def test_what_is_served_already_is_not_written(
    repository: RepositorySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a journal: Triton would load for nothing."""
    serve(repository, "m", FIRST)
    monkeypatch.delattr(durable, "move")
    serve(repository, "m", FIRST)


@needs_mount
@pytest.mark.parametrize("blocked", ["labels.txt", "config.pbtxt"])
def test_what_was_served_stays_where_it_cannot_be_changed(
    repository: RepositorySpec, blocked: str
) -> None:
    """A file that is a mount point cannot be renamed over."""
    before = tree(repository.path)
    path = repository.path / "m" / blocked
    with mounted(path, "--bind", str(path)), pytest.raises(UnavailableError, match="busy"):
        serve(repository, "m", FIRST)
    assert tree(repository.path) == before
    assert leftovers(repository) == []


def test_a_number_is_never_given_again(repository: RepositorySpec) -> None:
    """Not after the highest is taken out, nor after all are."""
    serve(repository, "m", FIRST)
    remove(repository, "m", [2])
    assert versions(repository.path / "m") == (1,)
    assert publish_marked(repository, "c").version == 3
    remove(repository, "m", [1])
    assert publish_marked(repository, "d").version == 4
    assert leftovers(repository) == []


@pytest.mark.parametrize(
    ("more", "name", "fits"),
    [
        ("instance_group [{ count: 2 }]", "x", True),
        ("dynamic_batching { }", "x", True),
        ("version_policy { all { } }", "x", True),
        ('model_warmup { name: "w" batch_size: 1 }', "x", True),
        ("# a comment", "x", True),
        ("", "y", False),
        ('parameters { key: "a" value { string_value: "b" } }', "x", False),
    ],
)
def test_configs_fit_where_only_the_serving_differs(more: str, name: str, *, fits: bool) -> None:
    """What a version is asked or answers must be the same."""
    assert interchangeable(_config(""), _config(more, name=name)) is fits


def test_labels_and_hosts_count_too() -> None:
    """A host without a config of its own takes `config.pbtxt`."""
    one = _config("")
    assert not interchangeable(one, {**one, "labels.txt": b"a\n"})
    assert interchangeable(one, {**one, "configs/gpu.pbtxt": one["config.pbtxt"]})
    other = _config("", name="y")["config.pbtxt"]
    assert not interchangeable(one, {**one, "configs/gpu.pbtxt": other})
    assert not interchangeable({}, one)


def test_a_held_config_reads_a_copy_of_its_labels() -> None:
    """And keeps a maximum batch size of 0, which protobuf leaves out."""
    config = b'max_batch_size: 0 output [{ name: "y" label_filename: "labels.txt" }]'
    found = held({"config.pbtxt": config, "labels.txt": b"a\n"}, [3], labels="copy.txt")
    assert found["copy.txt"] == b"a\n"
    text = found["config.pbtxt"].decode()
    assert 'label_filename: "copy.txt"' in text
    assert "versions: 3" in text
    assert "max_batch_size: 0" in text


def test_a_config_that_cannot_be_read_is_left_as_it_is() -> None:
    """It serves nothing."""
    broken = {"config.pbtxt": b"name: }", "configs/gpu.pbtxt": b"\xff"}
    assert held(broken, [1]) == broken
