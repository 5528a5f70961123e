"""Pulled models: whole and verified, or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.errors import SpecError, UnavailableError
from packager.repository.files import LocalFiles
from packager.repository.integrity import model_findings, version_findings
from packager.repository.remote.pull import pull
from packager.repository.remote.store import Store
from packager.repository.state import read

from .models import publish_marked

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import RemoteRepositorySpec


@pytest.fixture
def two(repository: RemoteRepositorySpec) -> RemoteRepositorySpec:
    """A model of two versions; the second is served."""
    for mark in "ab":
        publish_marked(repository, mark, hosts=("gpu",))
    return repository


@pytest.mark.parametrize(("version", "expected"), [(None, 2), (1, 1)])
def test_a_pulled_version_is_as_published(
    two: RemoteRepositorySpec, tmp_path: Path, version: int | None, expected: int
) -> None:
    """The one that is served, or the one that is named, with its own config; nothing beside it."""
    pulled = pull(two, "m", to=tmp_path / "models", version=version)
    assert pulled.versions == (expected,)
    files = LocalFiles(tmp_path / "models")
    state = read(files, "m")
    assert (state.versions, state.served) == ((expected,), (expected,))
    assert version_findings(files, state, expected) == model_findings(files, state) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models"]
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["m"]


def test_a_damaged_file_is_not_pulled(
    two: RemoteRepositorySpec, bucket: str, tmp_path: Path
) -> None:
    """The manifest's digest tells; nothing of the model appears."""
    Store("s3").write(f"{bucket}/team/models/m/2/model.pt", b"b" * 99 + b"!")
    with pytest.raises(UnavailableError, match=r"m/2/model.pt is not what its manifest says"):
        pull(two, "m", to=tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_that_is_there_stays(two: RemoteRepositorySpec, tmp_path: Path) -> None:
    """A server may be running on it."""
    pull(two, "m", to=tmp_path)
    with pytest.raises(SpecError, match="is there already"):
        pull(two, "m", to=tmp_path)


def test_what_is_not_published_cannot_be_pulled(two: RemoteRepositorySpec, tmp_path: Path) -> None:
    """Neither a version nor a model; those that are there are listed."""
    with pytest.raises(SpecError, match="choose of 1, 2"):
        pull(two, "m", to=tmp_path, version=3)
    with pytest.raises(SpecError, match="has no version"):
        pull(two, "other", to=tmp_path)
