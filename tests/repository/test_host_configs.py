"""Configs for kinds of hosts: they come, change and go with the version they were proven with."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from packager.errors import UnavailableError
from packager.repository.layout import ModelPaths
from packager.repository.publish import publish, withdraw
from packager.repository.staging import staged

from .mounts import mounted, needs_mount
from .staging import fill, leftovers, publish_marked, repository_in, tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from packager.spec.recipe import RepositorySpec

BOTH = ("cpu", "gpu")

LABELS_COPY = f"labels-{hashlib.sha256(b'a' + bytes([10])).hexdigest()[:8]}.txt"
"""Where the labels of version `a` are read while those of the next one come."""


@pytest.fixture
def repository(tmp_path: Path) -> RepositorySpec:
    """Give an empty repository."""
    return repository_in(tmp_path)


def _configs(repository: RepositorySpec) -> dict[str, str]:
    model = ModelPaths(repository.path / "m")
    return {host: path.read_text() for host, path in model.host_configs().items()}


def test_a_new_model_has_its_configs(repository: RepositorySpec) -> None:
    """As staged, where Triton looks for them."""
    publish_marked(repository, "a", hosts=BOTH)
    assert _configs(repository) == {"cpu": "# a on cpu\n", "gpu": "# a on gpu\n"}
    assert (repository.path / "m" / "configs" / "gpu.pbtxt").is_file()


@pytest.mark.parametrize("had", [(), ("cpu",), BOTH, ("old", "gpu")])
@pytest.mark.parametrize("has", [(), ("cpu",), BOTH])
def test_a_version_brings_its_own_and_withdrawing_restores_the_others(
    repository: RepositorySpec, had: tuple[str, ...], has: tuple[str, ...]
) -> None:
    """A host that is left out takes config.pbtxt, not what another version was proven with."""
    publish_marked(repository, "a", hosts=had)
    before = tree(repository.path)
    published = publish_marked(repository, "b", hosts=has)
    assert _configs(repository) == {host: f"# b on {host}\n" for host in has}
    assert (repository.path / "m" / "configs").exists() == bool(has)
    withdraw(published, repository)
    assert tree(repository.path) == before
    assert leftovers(repository) == []


def test_configs_are_held_then_come_after_the_version_and_before_the_main_one(
    repository: RepositorySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that polls never sees a config without the version it was proven with.

    One that loses its own takes the new `config.pbtxt` at once: not the old one in between.
    """
    publish_marked(repository, "a", hosts=("old",))
    model = repository.path / "m"
    moved: list[Path] = []
    for method in ("rename", "replace", "unlink"):
        really: Callable[..., Any] = getattr(Path, method)

        def watched(path: Path, *target: Path, really: Any = really, **options: Any) -> Any:
            moved.append((target or (path,))[0])
            return really(path, *target, **options)

        monkeypatch.setattr(Path, method, watched)
    publish_marked(repository, "b", hosts=BOTH)
    assert [path.relative_to(model).as_posix() for path in moved if path.is_relative_to(model)] == [
        LABELS_COPY,
        "configs/old.pbtxt",
        "config.pbtxt",
        "2",
        "labels.txt",
        "configs/cpu.pbtxt",
        "configs/gpu.pbtxt",
        "config.pbtxt",
        "configs/old.pbtxt",
    ]


@needs_mount
@pytest.mark.parametrize("blocked", ["configs/gpu.pbtxt", "configs/old.pbtxt", "config.pbtxt"])
def test_a_failure_in_between_restores_all(repository: RepositorySpec, blocked: str) -> None:
    """A file that is a mount point cannot be renamed over, nor taken out."""
    publish_marked(repository, "a", hosts=("gpu", "old"))
    before = tree(repository.path)
    path = repository.path / "m" / blocked
    with mounted(path, "--bind", str(path)), pytest.raises(UnavailableError, match="busy"):
        publish_marked(repository, "b", hosts=BOTH)
    assert tree(repository.path) == before
    assert leftovers(repository) == []


def test_files_that_are_no_configs_stay(repository: RepositorySpec) -> None:
    """Only what Triton would take for a host's config is ours."""
    publish_marked(repository, "a", hosts=BOTH)
    note = repository.path / "m" / "configs" / "README.md"
    note.write_text("by hand")
    with staged(repository, "m") as model:
        fill(model, "b")
        publish(model, repository)
    assert note.read_text() == "by hand"
    assert _configs(repository) == {}
