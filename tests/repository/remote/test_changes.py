"""Which versions an object store serves and keeps: promote, roll back, prune."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.errors import SpecError
from packager.repository.files import LocalFiles
from packager.repository.integrity import model_findings, version_findings
from packager.repository.remote.changes import prune, serve
from packager.repository.remote.files import RemoteFiles
from packager.repository.remote.publish import next_version
from packager.repository.remote.pull import pull
from packager.repository.remote.store import Store
from packager.repository.state import ModelState, read

from .models import Marked, publish_marked

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import RemoteRepositorySpec


@pytest.fixture
def three(repository: RemoteRepositorySpec) -> RemoteRepositorySpec:
    """A model of three versions with a host's config each; the newest two are served."""
    for mark in "abc":
        publish_marked(repository, mark, hosts=("gpu",), policy="latest { num_versions: 2 }")
    return repository


def _state(spec: RemoteRepositorySpec) -> ModelState:
    """Return the model's state, which must be as its manifests say."""
    files = RemoteFiles(spec.place)
    state = read(files, "m")
    assert model_findings(files, state) == []
    assert not any(version_findings(files, state, number) for number in state.versions)
    return state


def test_an_older_version_is_served_alone(three: RemoteRepositorySpec) -> None:
    """With its own config and labels; the newest brings its policy back."""
    assert serve(three, "m", 1) == (1,)
    state = _state(three)
    assert (state.versions, state.served) == ((1, 2, 3), (1,))
    assert "# a\n" in str(state.config)
    assert '"1/labels.txt"' in str(state.config)
    assert serve(three, "m", 3) == (2, 3)
    assert _state(three).served == (2, 3)


def test_a_version_after_a_rollback_takes_over(three: RemoteRepositorySpec) -> None:
    """The old pin does not outlast it."""
    serve(three, "m", 1)
    publish_marked(three, "d")
    state = _state(three)
    assert (state.versions, state.served) == ((1, 2, 3, 4), (4,))


def test_a_version_is_served_with_its_own_sample(
    repository: RemoteRepositorySpec, bucket: str, tmp_path: Path
) -> None:
    """It is there before the config that names it, and goes once no version has it any more."""
    marked = [Marked(mark=mark, sample=mark.encode() * 16) for mark in "ab"]
    for one in marked:
        publish_marked(repository, one)
    first, second = (f"{bucket}/team/models/m/warmup/{one.sample_file}" for one in marked)
    store = Store("s3")
    store.remove([first])
    assert serve(repository, "m", 1) == (1,)
    assert _state(repository).served == (1,)
    assert store.read(first) == marked[0].sample
    pulled = pull(repository, "m", to=tmp_path)
    assert [path.name for path in pulled.model.warmup.iterdir()] == [marked[0].sample_file]
    files = LocalFiles(tmp_path)
    assert model_findings(files, read(files, "m")) == []
    store.remove([first])
    assert publish_marked(repository, marked[0], same=True).new
    prune(repository, "m", [2])
    assert store.read(second) == marked[1].sample
    publish_marked(repository, "c")
    assert (store.read(first), store.read(second)) == (marked[0].sample, None)
    assert _state(repository).versions == (1, 3, 4)


def test_pruned_versions_are_gone(three: RemoteRepositorySpec) -> None:
    """What is served stays as it was, and no number is given again."""
    prune(three, "m", [1])
    state = _state(three)
    assert (state.versions, state.served) == ((2, 3), (2, 3))
    assert RemoteFiles(three.place).directories("m") == (2, 3)
    prune(three, "m", [3])
    state = _state(three)
    assert (state.versions, state.served) == ((2,), (2,))
    assert "# b\n" in str(state.config)
    assert next_version(three, "m") == 4


def test_the_last_version_is_not_pruned(three: RemoteRepositorySpec) -> None:
    """A config that serves nothing would not load."""
    with pytest.raises(SpecError, match="no version of m would be left"):
        prune(three, "m", [1, 2, 3])
    assert _state(three).versions == (1, 2, 3)


def test_a_version_that_is_not_there_is_not_served(three: RemoteRepositorySpec) -> None:
    """Those that are there are listed."""
    with pytest.raises(SpecError, match="choose of 1, 2, 3"):
        serve(three, "m", 7)
