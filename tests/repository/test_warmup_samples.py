"""Samples that configs name for a warmup: there before they are, and as long as a load goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.repository import control, transition
from packager.repository.files import LocalFiles
from packager.repository.integrity import model_findings, version_findings
from packager.repository.layout import ModelPaths
from packager.repository.publish import Published, withdraw
from packager.repository.published import same_version

from .recorded import NAME, model_in, publish_recorded, recipe, state
from .staging import leftovers, repository_in

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import RepositorySpec

ONE, TWO = "input0-7692c3ad", "input0-3fc4ccfe"
"""By the sha256 of the words that they hold."""


@pytest.fixture
def repository(tmp_path: Path) -> RepositorySpec:
    """Give a repository with two versions of one model, each with a sample of its own."""
    spec = repository_in(tmp_path)
    publish_recorded(spec, "weights", recipe(hosts=True), sample=b"one")
    publish_recorded(spec, "weights", recipe(hosts=True), sample=b"two")
    return spec


def _samples(repository: RepositorySpec) -> list[str]:
    folder = model_in(repository).warmup
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _findings(repository: RepositorySpec) -> list[str]:
    files, there = LocalFiles(repository.path), state(repository)
    of_versions = [version_findings(files, there, number) for number in there.versions]
    return [str(found) for one in (*of_versions, model_findings(files, there)) for found in one]


def test_a_new_sample_is_beside_the_old_one(repository: RepositorySpec) -> None:
    """A load of the old config may still read that; each version has its own."""
    model = model_in(repository)
    assert _samples(repository) == sorted([ONE, TWO])
    assert TWO in model.config.read_text()
    assert TWO in model.host_config("gpu").read_text()
    assert (model.version_warmup(1) / ONE).read_bytes() == b"one"
    assert (model.version_warmup(2) / TWO).read_bytes() == b"two"
    assert _findings(repository) == []
    assert leftovers(repository) == []


def test_a_later_writer_removes_what_no_config_names(
    repository: RepositorySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once no load can go on by a config of before; somebody else's files stay."""
    theirs = model_in(repository).warmup / "raw_data"
    theirs.write_bytes(b"theirs")
    publish_recorded(repository, "others", recipe(hosts=True), sample=b"two")
    assert _samples(repository) == sorted([ONE, TWO, theirs.name])
    monkeypatch.setattr(transition, "COPY_KEPT_S", 0.0)
    publish_recorded(repository, "more", recipe(hosts=True), sample=b"two")
    assert _samples(repository) == sorted([TWO, theirs.name])
    theirs.unlink()
    publish_recorded(repository, "cold", recipe(hosts=True))
    publish_recorded(repository, "colder", recipe(hosts=True))
    assert _samples(repository) == []


def test_a_version_brings_its_sample_back(
    repository: RepositorySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its own directory, long after it went from the model's."""
    monkeypatch.setattr(transition, "COPY_KEPT_S", 0.0)
    publish_recorded(repository, "others", recipe(hosts=True), sample=b"two")
    assert _samples(repository) == [TWO]
    control.serve(repository, state(repository), 1)
    model = model_in(repository)
    assert (model.warmup / ONE).read_bytes() == b"one"
    assert ONE in model.config.read_text()
    assert _findings(repository) == []


def test_serving_the_same_again_puts_a_lost_sample_back(repository: RepositorySpec) -> None:
    """Triton would not load the model without it."""
    path = model_in(repository).warmup / TWO
    for content in (None, b"damaged"):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        control.serve(repository, state(repository), 2)
        assert path.read_bytes() == b"two"


def test_what_is_withdrawn_leaves_the_samples_of_before(
    repository: RepositorySpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a writer in between has removed them."""
    monkeypatch.setattr(transition, "SETTLE_S", 0.0)
    model = model_in(repository)
    before = {"config.pbtxt": state(repository).records[1].config.encode()}
    (model.warmup / ONE).unlink()
    withdraw(Published(model=model, version=2, previous=before), repository)
    assert (model.warmup / ONE).read_bytes() == b"one"
    assert ONE in model.config.read_text()


def test_a_build_of_the_same_puts_a_sample_back(repository: RepositorySpec) -> None:
    """Without its sample the version that is there is not the same as published."""
    identity = state(repository).records[2].identity
    assert same_version(repository, NAME, identity=identity) == 2
    (model_in(repository).warmup / TWO).unlink()
    assert same_version(repository, NAME, identity=identity) is None


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (f"warmup/{TWO}", None, "is missing"),
        (f"warmup/{TWO}", b"x", "is changed"),
        (f"warmup/{ONE}", b"x", "is changed"),
        ("warmup/raw", b"x", "is added"),
        (f"2/warmup/{TWO}", b"x", "is changed"),
        (f"2/warmup/{ONE}", b"x", "is added"),
        (f"warmup/{ONE}", None, None),
    ],
)
def test_a_sample_that_is_not_as_published_is_named(
    repository: RepositorySpec, name: str, content: bytes | None, told: str | None
) -> None:
    """One of an older config may be there, and need not."""
    path = ModelPaths(repository.path / NAME).directory / name
    path.unlink() if content is None else path.write_bytes(content)
    assert _findings(repository) == ([f"{NAME}/{name} {told}"] if told else [])
