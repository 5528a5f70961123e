"""Publishing: whole versions appear one after the other, and nothing else is ever seen."""

from __future__ import annotations

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from packager.repository.layout import ModelPaths
from packager.repository.publish import publish, withdraw
from packager.repository.staging import staged
from packager.repository.versions import versions

from .staging import fill, leftovers, publish_marked, repository_in, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packager.spec.recipe import RepositorySpec


@pytest.fixture
def repository(tmp_path: Path) -> RepositorySpec:
    """Give an empty repository."""
    return repository_in(tmp_path)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """Take the umask that most machines have."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_model_appears_by_one_rename(repository: RepositorySpec) -> None:
    """The very directory that was staged: nothing was copied."""
    with staged(repository, "m") as model:
        fill(model, "a")
        inode = model.directory.stat().st_ino
        published = publish(model, repository)
    assert (published.version, published.model.directory) == (1, repository.path / "m")
    assert published.model.directory.stat().st_ino == inode
    assert tree(repository.path) == {
        "m": None,
        "m/1": None,
        "m/1/manifest.json": b"a",
        "m/1/model.pt": b"a" * 100,
        "m/config.pbtxt": b"# a\n",
        "m/labels.txt": b"a\n",
    }


def test_a_second_version_joins_the_first(repository: RepositorySpec) -> None:
    """Under the next number, with its own config and labels; the first stays as it was."""
    publish_marked(repository, "a")
    first = tree(repository.path / "m" / "1")
    published = publish_marked(repository, "b")
    assert published.version == 2
    model = published.model
    assert tree(model.version(1)) == first
    assert model.artifact(2).read_text() == "b" * 100
    assert (model.config.read_text(), model.labels.read_text()) == ("# b\n", "b\n")


def test_the_config_comes_after_its_version(
    repository: RepositorySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that polls never sees a config without the version it was proven with."""
    publish_marked(repository, "a")
    moved = []
    for method in ("rename", "replace"):
        really: Callable[[Path, Path], Path] = getattr(Path, method)

        def watched(source: Path, target: Path, really: Any = really) -> Path:
            moved.append(target.name)
            return Path(really(source, target))

        monkeypatch.setattr(Path, method, watched)
    publish_marked(repository, "b")
    assert moved[-3:] == ["2", "labels.txt", "config.pbtxt"]


def test_every_state_that_a_poll_sees_is_whole(repository: RepositorySpec) -> None:
    """While versions are published, whoever lists the repository finds whole versions only."""
    publish_marked(repository, "0")
    model = ModelPaths(repository.path / "m")
    done = threading.Event()
    problems: list[object] = []

    def poll() -> None:
        while not done.is_set():
            config = model.config.read_text()
            found = versions(model.directory)
            if not found or int(config.splitlines()[0].strip("# ")) >= found[-1]:
                problems.append((config, found))
            problems.extend(
                number
                for number in found
                if model.artifact(number).read_text() != str(number - 1) * 100
            )

    watcher = threading.Thread(target=poll)
    watcher.start()
    try:
        for number in range(1, 10):
            publish_marked(repository, str(number))
    finally:
        done.set()
        watcher.join()
    assert problems == []


def test_sixteen_threads_give_sixteen_whole_versions(repository: RepositorySpec) -> None:
    """Of one model, at the same time; none is lost and none mixed."""
    marks = "abcdefghijklmnop"
    barrier = threading.Barrier(len(marks))

    def one(mark: str) -> int:
        with staged(repository, "m") as model:
            fill(model, mark)
            barrier.wait(timeout=30)
            return publish(model, repository).version

    with ThreadPoolExecutor(len(marks)) as pool:
        numbers = dict(zip(marks, pool.map(one, marks), strict=True))
    model = ModelPaths(repository.path / "m")
    assert sorted(numbers.values()) == list(range(1, 17)) == list(versions(model.directory))
    for mark, number in numbers.items():
        assert model.artifact(number).read_text() == mark * 100
        assert model.manifest(number).read_text() == mark
    last = max(numbers, key=lambda mark: numbers[mark])
    assert (model.config.read_text(), model.labels.read_text()) == (f"# {last}\n", f"{last}\n")
    assert leftovers(repository) == []


@pytest.mark.usefixtures("usual_umask")
def test_published_files_can_be_read_by_others(repository: RepositorySpec) -> None:
    """Triton rarely runs as the user who built; withdrawn states too."""
    publish_marked(repository, "a")
    withdraw(publish_marked(repository, "b"), repository)
    publish_marked(repository, "c")
    for path in (repository.path, *repository.path.rglob("*")):
        needed = 0o055 if path.is_dir() else 0o044
        assert stat.S_IMODE(path.stat().st_mode) & needed == needed, path


def test_a_staged_model_is_alone_in_its_folder(repository: RepositorySpec) -> None:
    """So that a server can run on it, outside the repository."""
    with staged(repository, "m") as model, staged(repository, "m") as other:
        assert model.directory.name == other.directory.name == "m"
        assert model.directory != other.directory
        assert list(model.directory.parent.iterdir()) == [model.directory]
        assert repository.staging in model.directory.parents
        assert list(repository.path.iterdir()) == []
    assert leftovers(repository) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_staging_is_cleaned_up_whatever_happens(
    repository: RepositorySpec, error: type[BaseException]
) -> None:
    """A failure, an interrupt, an exit: nothing is left, nothing published."""

    def build() -> None:
        with staged(repository, "m") as model:
            fill(model, "a")
            raise error

    with pytest.raises(error):
        build()
    assert leftovers(repository) == []
    assert tree(repository.path) == {}


def test_withdrawing_a_new_model_removes_it(repository: RepositorySpec) -> None:
    """As if it had never been there; others stay."""
    publish_marked(repository, "a", name="other")
    before = tree(repository.path)
    withdraw(publish_marked(repository, "b"), repository)
    assert tree(repository.path) == before
    assert leftovers(repository) == []


@pytest.mark.parametrize("had_labels", [True, False])
@pytest.mark.parametrize("has_labels", [True, False])
def test_withdrawing_restores_the_state_before(
    repository: RepositorySpec, had_labels: bool, has_labels: bool
) -> None:
    """Byte by byte, with and without labels on either side."""
    publish_marked(repository, "a", labels=had_labels)
    before = tree(repository.path)
    published = publish_marked(repository, "b", labels=has_labels)
    assert tree(repository.path) != before
    withdraw(published, repository)
    assert tree(repository.path) == before
    assert leftovers(repository) == []


def test_withdrawing_keeps_a_model_that_had_no_config(repository: RepositorySpec) -> None:
    """Triton completes a config itself: such a model's own versions are not ours to remove."""
    version = repository.path / "m" / "1"
    version.mkdir(parents=True)
    (version / "model.pt").write_text("theirs")
    before = tree(repository.path)
    withdraw(publish_marked(repository, "b"), repository)
    assert tree(repository.path) == before


def test_a_model_directory_without_versions_gets_its_first(repository: RepositorySpec) -> None:
    """An empty directory of that name is no obstacle."""
    (repository.path / "m").mkdir()
    assert publish_marked(repository, "a").version == 1
    assert (repository.path / "m" / "config.pbtxt").read_text() == "# a\n"
