"""Releases: which PyTorch reads what is exported here."""

from __future__ import annotations

import pytest

from packager.errors import SpecError
from packager.server.releases import PYTORCH, require_known, warning
from tests.model_config.composing import job


@pytest.mark.parametrize("release", PYTORCH)
def test_the_same_pytorch_is_no_reason_to_warn(release: str) -> None:
    """Nor an older one, nor another build of the same minor version."""
    assert warning(release, PYTORCH[release]) is None
    assert warning(release, "2.1.2+cu121") is None
    assert warning(release, f"{PYTORCH[release].partition('a')[0]}+cpu") is None


def test_a_newer_pytorch_is_told_with_both_versions() -> None:
    """The exporting one and the release's; 2.10 is newer than 2.9."""
    told = warning("25.10", "2.10.0+cpu") or ""
    assert "PyTorch 2.10.0+cpu" in told
    assert "Triton 25.10 has 2.9.0a0+145a3a7bda" in told


def test_releases_are_in_order() -> None:
    """Later ones never hold an older PyTorch: a line of the table is not out of place."""
    assert sorted(PYTORCH) == list(PYTORCH)
    minors = [tuple(map(int, one.split("+")[0].split(".")[:2])) for one in PYTORCH.values()]
    assert sorted(minors) == minors


@pytest.mark.parametrize("release", ["24.10", "24.01", "25.06", "25.10"])
def test_a_release_is_what_the_user_typed(release: str) -> None:
    """YAML reads a number there, and that of 24.10 is 24.1."""
    assert job("model=fashion_cnn", f"server.release={release}").release == release
    assert job("model=fashion_cnn", f"server.release='{release}'").release == release


@pytest.mark.parametrize("text", ["24.13", "24.1", "2.51.0", "", "latest", "24.10-py3", "24.00"])
def test_what_is_no_release_is_refused(text: str) -> None:
    """With how to write one."""
    with pytest.raises(SpecError, match="is no release of Triton") as caught:
        require_known(text)
    assert caught.value.where == "server.release"
    assert "24.12" in caught.value.remedy


def test_a_release_that_is_not_known_lists_those_that_are() -> None:
    """There was no PyTorch container 25.07."""
    with pytest.raises(SpecError, match=r"25\.07 holds is not known") as caught:
        require_known("25.07")
    assert "25.06, 25.08" in caught.value.remedy
