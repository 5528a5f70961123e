"""Publishing on real filesystems that refuse: the old state stays, and the error says why."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from packager.command_line.errors_told import told
from packager.errors import UnavailableError
from packager.repository.publish import prepare, publish
from packager.repository.staging import staged
from packager.spec.recipe import RepositorySpec

from .mounts import mounted, needs_mount, read_only, tmpfs
from .staging import fill, leftovers, publish_marked, repository_in, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = needs_mount


@contextlib.contextmanager
def _no_more_files(folder: Path) -> Iterator[None]:
    """Use up a filesystem's inodes; give them back."""
    spent = folder / "spent"
    spent.mkdir()
    number = 0
    with contextlib.suppress(OSError):
        while True:
            (spent / str(number)).touch()
            number += 1
    yield
    for path in spent.iterdir():
        path.unlink()
    spent.rmdir()


def test_staging_on_another_filesystem_is_refused(tmp_path: Path) -> None:
    """A rename across filesystems is a copy: not at once."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with tmpfs(elsewhere, "size=1m"):
        spec = RepositorySpec(path=tmp_path / "models", staging=elsewhere / "staging")
        with pytest.raises(UnavailableError, match="another filesystem") as caught:
            prepare(spec)
        assert caught.value.where == "repository.staging"
        assert tree(spec.path) == {}


def test_a_repository_that_is_a_mount_point_needs_its_own_staging(tmp_path: Path) -> None:
    """The default beside it lies on another filesystem; a folder of the user's choice helps."""
    models = tmp_path / "models"
    models.mkdir()
    with tmpfs(models, "size=1m"):
        with pytest.raises(UnavailableError) as caught:
            repository_in(tmp_path)
        assert caught.value.where == "repository.staging"
        assert "repository.staging" in caught.value.remedy


def test_a_read_only_repository_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    """Root may write everywhere but there."""
    models = tmp_path / "models"
    models.mkdir()
    with read_only(models):
        with pytest.raises(UnavailableError, match="Read-only") as caught:
            repository_in(tmp_path)
        assert caught.value.where == "repository.path"
        assert "writable" in caught.value.remedy
        assert tree(tmp_path) == {"models": None}


def test_a_repository_that_turns_read_only_keeps_its_state(tmp_path: Path) -> None:
    """Between two builds; staging is cleaned up."""
    with tmpfs(tmp_path, "size=1m"):
        repository = repository_in(tmp_path)
        publish_marked(repository, "a")
        before = tree(repository.path)
        with staged(repository, "m") as model:
            fill(model, "b")
            with read_only(repository.path), pytest.raises(UnavailableError):
                publish(model, repository)
        assert tree(repository.path) == before
        assert leftovers(repository) == []


def test_a_full_disk_keeps_the_old_version(tmp_path: Path) -> None:
    """The staged files go, so that there is room again."""
    with tmpfs(tmp_path, "size=1m"):
        repository = repository_in(tmp_path)
        publish_marked(repository, "a")
        before = tree(repository.path)
        with (
            pytest.raises(OSError, match="No space left") as caught,
            staged(repository, "m") as model,
        ):
            fill(model, "b", size=2_000_000)
        assert isinstance(told(caught.value), UnavailableError)
        assert tree(repository.path) == before
        assert leftovers(repository) == []
        assert publish_marked(repository, "c").version == 2


def test_a_disk_without_room_for_another_file_is_told(tmp_path: Path) -> None:
    """When staging begins and when publishing begins; the old version stays."""
    with tmpfs(tmp_path, "nr_inodes=64"):
        repository = repository_in(tmp_path)
        publish_marked(repository, "a")
        before = tree(repository.path)
        with _no_more_files(tmp_path):
            with pytest.raises(UnavailableError, match="No space left") as caught:
                publish_marked(repository, "b")
            assert caught.value.where == "repository.staging"
            assert "free some space" in caught.value.remedy
        with staged(repository, "m") as model:
            fill(model, "b")
            with _no_more_files(tmp_path), pytest.raises(UnavailableError, match="No space left"):
                publish(model, repository)
        assert tree(repository.path) == before
        assert leftovers(repository) == []


@pytest.mark.parametrize("blocked", ["config.pbtxt", "labels.txt"])
def test_a_failure_in_between_leaves_the_old_state(tmp_path: Path, blocked: str) -> None:
    """A file that is a mount point, as Kubernetes makes them, cannot be renamed over."""
    repository = repository_in(tmp_path)
    publish_marked(repository, "a")
    before = tree(repository.path)
    path = repository.path / "m" / blocked
    with (
        mounted(path, "--bind", str(path)),
        pytest.raises(UnavailableError, match="busy"),
    ):
        publish_marked(repository, "b")
    assert tree(repository.path) == before
    assert leftovers(repository) == []


def test_a_path_that_is_a_file_is_told(tmp_path: Path) -> None:
    """By its key."""
    (tmp_path / "models").write_text("")
    with pytest.raises(UnavailableError) as caught:
        repository_in(tmp_path)
    assert caught.value.where == "repository.path"


@pytest.mark.parametrize("left", range(1, 25))
def test_a_disk_that_fills_up_in_between_leaves_the_old_state(tmp_path: Path, left: int) -> None:
    """With room for a few more files: the journal is whole before anything is moved."""
    with tmpfs(tmp_path, "nr_inodes=200"):
        repository = repository_in(tmp_path)
        publish_marked(repository, "a")
        before = tree(repository.path)
        with staged(repository, "m") as model:
            fill(model, "b", hosts=("cpu", "gpu"))
            with _no_more_files(tmp_path):
                for path in list((tmp_path / "spent").iterdir())[:left]:
                    path.unlink()
                with contextlib.suppress(UnavailableError):
                    publish(model, repository)
        after = tree(repository.path)
        if after != before:
            assert after["m/config.pbtxt"] == b"# b\n"
            assert after["m/configs/gpu.pbtxt"] == b"# b on gpu\n"
        assert leftovers(repository) == []


@pytest.mark.parametrize("made", ["link", "pipe"])
def test_what_is_no_plain_file_is_not_published(tmp_path: Path, made: str) -> None:
    """A link could lead out of the repository, and a pipe would block its reader."""
    repository = repository_in(tmp_path)
    with staged(repository, "m") as model:
        fill(model, "a")
        stranger = model.version(1) / "stranger"
        stranger.symlink_to("/etc") if made == "link" else os.mkfifo(stranger)
        with pytest.raises(UnavailableError, match="no plain file"):
            publish(model, repository)
    assert tree(repository.path) == {}
