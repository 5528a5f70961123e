"""Versions and paths: what Triton takes for a version, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager.repository.layout import ModelPaths
from packager.repository.versions import next_version, versions

TRAPS = ("01", "2.bak", "abc", "-3", "0", "+4", "5 ", "1e3", "٣", "²", ".7")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Give a model's directory with its config."""
    (tmp_path / "config.pbtxt").write_text("")
    return tmp_path


def test_versions_are_sorted_as_numbers(model: Path) -> None:
    """Two before ten; gaps stay."""
    for number in (10, 2, 1, 7):
        (model / str(number)).mkdir()
    assert versions(model) == (1, 2, 7, 10)
    assert next_version(model) == 11


def test_the_first_version_is_one(model: Path) -> None:
    """In an empty directory, and where there is none."""
    assert versions(model) == versions(model / "nowhere") == ()
    assert next_version(model) == next_version(model / "nowhere") == 1


@pytest.mark.parametrize("name", TRAPS)
def test_other_names_are_no_versions(model: Path, name: str) -> None:
    """Leading zeros, signs, suffixes, other scripts' digits."""
    (model / "3").mkdir()
    (model / name).mkdir()
    assert versions(model) == (3,)
    assert next_version(model) == 4


def test_a_number_in_use_by_a_file_is_not_given_away(model: Path) -> None:
    """A rename onto it would fail."""
    (model / "1").write_text("")
    assert next_version(model) == 2


def test_every_file_has_its_place() -> None:
    """Config and labels belong to the model, artifact and manifest to a version."""
    paths = ModelPaths(Path("/models/m"))
    assert paths.config == Path("/models/m/config.pbtxt")
    assert paths.labels == Path("/models/m/labels.txt")
    assert paths.artifact(3) == Path("/models/m/3/model.pt")
    assert paths.manifest(3) == Path("/models/m/3/manifest.json")
