"""`task=versions`: what it prints, what it refuses, and what is on disk afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from packager.errors import FindingsError, PackagerError, ProofError, SpecError, UnavailableError
from packager.repository import signing, transition
from packager.repository.files import LocalFiles
from packager.repository.integrity import model_findings
from packager.spec.job import VersionsTask
from packager.tasks import versions
from tests.model_config.composing import job
from tests.repository.recorded import NAME, model_in, publish_recorded, recipe, state
from tests.repository.staging import leftovers, repository_in, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packager.spec.recipe import RepositorySpec

MODEL = f"task.model={NAME}"


@pytest.fixture(autouse=True)
def _no_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server polls here, so nothing has to settle; tables are as wide as they need."""
    monkeypatch.setattr(transition, "SETTLE_S", 0.0)
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def repository(tmp_path: Path) -> RepositorySpec:
    """Give a repository with versions 1 to 4; the last is served, with more instances."""
    made = repository_in(tmp_path)
    for weights in ("one", "two", "three"):
        publish_recorded(made, weights)
    four = recipe(hosts=True)
    publish_recorded(made, "four", four, labels=("a", *four.classes[1:]))
    return made


@pytest.fixture
def run(repository: RepositorySpec, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Give a function of an action and overrides that returns what is printed."""

    def _run(action: str, *overrides: str) -> str:
        made = job("task=versions", f"task.action={action}", *overrides)
        assert isinstance(made.task, VersionsTask)
        capsys.readouterr()
        versions.run(replace(made, repository=repository), made.task)
        return capsys.readouterr().out

    return _run


def _refused(run: Callable[..., str], *arguments: str) -> PackagerError:
    with pytest.raises(PackagerError) as caught:
        run(*arguments)
    return caught.value


def test_list_tells_every_version(run: Callable[..., str], repository: RepositorySpec) -> None:
    """Accuracy, the digest's start, and which is served; nothing is written."""
    before = tree(repository.path)
    out = run("list")
    rows = [line for line in out.splitlines() if NAME in line]
    assert len(rows) == 4
    assert all("75.00%" in row for row in rows)
    assert [row for row in rows if "yes" in row] == rows[3:]
    assert state(repository).records[2].identity[:8] in rows[1]
    assert tree(repository.path) == before


def test_list_as_json_is_for_programs(run: Callable[..., str], repository: RepositorySpec) -> None:
    """Times in UTC, digests whole."""
    (*_, last) = json.loads(run("list", "task.format=json"))
    assert last == {
        "model": NAME,
        "version": 4,
        "built": "2026-11-22T19:53:20+00:00",
        "accuracy": 0.75,
        "identity": state(repository).records[4].identity,
        "served": True,
        "signed": False,
        "being_changed": False,
        "notes": [],
    }


def test_versions_of_somebody_else_are_listed_with_blanks(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """A model without a manifest, one without a version."""
    (repository.path / "theirs" / "3").mkdir(parents=True)
    (repository.path / "theirs" / "config.pbtxt").write_text('name: "theirs"')
    (repository.path / "empty").mkdir()
    assert _refused(run, "rollback", "task.model=empty").remedy == "build one first"
    out = run("list")
    assert "no version" in out
    assert "no manifest" in out
    (row,) = json.loads(run("list", "task.model=theirs", "task.format=json"))
    assert (row["accuracy"], row["built"], row["identity"], row["served"]) == (None, "", "", True)


def test_an_interrupted_change_is_told_and_left_alone(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """Listing writes nothing; the next writer finishes it."""
    folder = repository.staging / f"{NAME}-0123abcd.journal"
    folder.mkdir()
    assert "was interrupted" in run("list")
    assert folder.is_dir()
    run("promote", MODEL, "task.version=3")
    assert "was interrupted" not in run("list")
    assert leftovers(repository) == []


def test_an_older_version_is_served_as_it_was_published(
    run: Callable[..., str], repository: RepositorySpec, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its labels, its config pinned to it, and no config for a host that it knows nothing of."""
    out = run("promote", MODEL, "task.version=2")
    assert "serves version 2 now; version 4 before" in out
    model, record = model_in(repository), state(repository).records[2]
    assert state(repository).served == (2,)
    assert model.config.read_text() == (
        f"{record.config}version_policy {{\n  specific {{ versions: [2] }}\n}}\n"
    )
    assert model.labels.read_text().splitlines() == list(record.labels)
    assert not model.configs.exists()
    assert model_findings(LocalFiles(repository.path), state(repository)) == []
    assert capsys.readouterr().err == ""


def test_the_newest_version_is_served_by_its_own_policy(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """Back where it was, to the byte."""
    before = tree(repository.path)
    run("promote", MODEL, "task.version=1")
    run("promote", MODEL, "task.version=4")
    after = tree(repository.path)
    assert {path: after[path] for path in before} == before
    assert all("labels-" in path for path in after.keys() - before.keys())


def test_serving_what_is_served_changes_nothing(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """And says so."""
    before = tree(repository.path)
    assert "serves version 4, as before" in run("promote", MODEL, "task.version=4")
    assert tree(repository.path) == before


def test_what_clients_will_trip_over_is_told(
    repository: RepositorySpec, run: Callable[..., str]
) -> None:
    """Going back changes labels, too."""
    told = json.loads(run("rollback", MODEL, "task.format=json"))
    assert (told["served_before"], told["served"]) == ([4], [3])
    assert told["differences"] == ["label 0 is 't-shirt/top' now, and was 'a'"]
    assert state(repository).served == (3,)


def test_rolling_back_goes_down_step_by_step(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """Until there is nothing lower."""
    served = []
    for _ in range(3):
        run("rollback", MODEL)
        served.append(state(repository).served)
    assert served == [(3,), (2,), (1,)]
    error = _refused(run, "rollback", MODEL)
    assert error.problem == f"no version of {NAME} is lower than 1, which is served"
    assert "task.action=promote" in error.remedy


def test_rolling_back_takes_a_lower_version_by_its_number(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """One that is not lower is no way back."""
    run("rollback", MODEL, "task.version=1")
    assert state(repository).served == (1,)
    assert _refused(run, "rollback", MODEL, "task.version=3").where == "task.action"
    run("promote", MODEL, "task.version=3")
    error = _refused(run, "rollback", MODEL, "task.version=3")
    assert (error.where, error.remedy) == (
        "task.version",
        "choose of 1, 2, or task.action=promote",
    )


@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_a_version_that_is_not_as_published_is_not_served(
    run: Callable[..., str], repository: RepositorySpec, action: str
) -> None:
    """The proof is of other bytes."""
    model_in(repository).artifact(3).write_text("other")
    before = tree(repository.path)
    error = _refused(run, action, MODEL, "task.version=3")
    assert isinstance(error, ProofError)
    assert f"{NAME}/3/model.pt is changed" in error.problem
    assert tree(repository.path) == before


def test_a_version_without_a_manifest_is_not_served(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """Nobody knows its config."""
    model_in(repository).manifest(3).unlink()
    assert "has no manifest" in _refused(run, "promote", MODEL, "task.version=3").problem


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("promote", MODEL), "task.version"),
        (("promote", MODEL, "task.version=9"), "task.version"),
        (("promote", "task.version=1"), "task.model"),
        (("rollback",), "task.model"),
        (("prune", "task.keep=1"), "task.model"),
        (("prune", MODEL), "task.keep"),
        (("prune", MODEL, "task.keep=0"), "task.keep"),
        (("list", "task.model=other"), "task.model"),
        (("list", "task.model=../models"), "task.model"),
        (("list", "model=mnist_cnn"), "name"),
        (("verify", MODEL, "task.version=9"), "task.version"),
        (("pull", MODEL, "task.to=x"), "repository.path"),
    ],
)
def test_what_lacks_or_is_not_there_is_refused_by_its_key(
    run: Callable[..., str], repository: RepositorySpec, arguments: tuple[str, ...], where: str
) -> None:
    """With what there is to choose from; nothing is written."""
    before = tree(repository.path)
    error = _refused(run, *arguments)
    assert isinstance(error, SpecError)
    assert error.where == where
    assert error.remedy
    assert tree(repository.path) == before


def test_a_missing_repository_is_named(run: Callable[..., str], repository: RepositorySpec) -> None:
    """It is not made."""
    repository.path.rename(repository.path.with_name("moved"))
    error = _refused(run, "list")
    assert isinstance(error, UnavailableError)
    assert str(repository.path) in error.problem
    assert not repository.path.exists()


def test_the_recipe_names_the_model(run: Callable[..., str]) -> None:
    """As it does for a build."""
    assert run("verify", "model=fashion_cnn", f"name={NAME}").count("is as published") == 4


def test_pruning_keeps_the_newest(run: Callable[..., str], repository: RepositorySpec) -> None:
    """It says what it removed, and how much that was; nothing is left in staging."""
    size = sum(
        path.stat().st_size
        for one in (1, 2)
        for path in model_in(repository).version(one).iterdir()
    )
    out = run("prune", MODEL, "task.keep=2")
    assert f"removed versions 1, 2, {size:,} bytes; versions 3, 4 left" in out
    assert state(repository).versions == (3, 4)
    assert leftovers(repository) == []
    assert "nothing to remove" in run("prune", MODEL, "task.keep=2")


def test_pruning_keeps_what_is_served(run: Callable[..., str], repository: RepositorySpec) -> None:
    """However old it is."""
    run("promote", MODEL, "task.version=2")
    out = run("prune", MODEL, "task.keep=1")
    assert "version 2 is served and kept" in out
    assert state(repository).versions == (2, 4)
    assert state(repository).served == (2,)


def test_a_forced_prune_serves_the_newest_that_stays(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """With its own config and labels."""
    run("promote", MODEL, "task.version=2")
    told = json.loads(run("prune", MODEL, "task.keep=1", "task.force=true", "task.format=json"))
    assert (told["removed"], told["versions"], told["served"]) == ([1, 2, 3], [4], [4])
    assert model_in(repository).config.read_text() == state(repository).records[4].config
    assert model_findings(LocalFiles(repository.path), state(repository)) == []


@pytest.mark.parametrize("policy", ["all { }", "specific { versions: [1, 3, 4] }"])
def test_a_forced_prune_leaves_a_policy_that_names_what_is_there(
    run: Callable[..., str], repository: RepositorySpec, policy: str
) -> None:
    """Triton logs an error at every poll for a version that is named and not there."""
    config = model_in(repository).config
    config.write_text(f"{config.read_text()}version_policy {{\n  {policy}\n}}\n")
    run("prune", MODEL, "task.keep=2", "task.force=true")
    assert state(repository).served == (3, 4)
    expected = "specific { versions: [3, 4] }" if "specific" in policy else policy
    assert config.read_text().endswith(f"version_policy {{\n  {expected}\n}}\n")


def test_a_forced_prune_that_would_serve_nobody_knows_what_is_refused(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """Where what stays has no manifest; all stays then."""
    run("promote", MODEL, "task.version=1")
    model_in(repository).manifest(4).unlink()
    before = tree(repository.path)
    error = _refused(run, "prune", MODEL, "task.keep=1", "task.force=true")
    assert "has no manifest" in error.problem
    assert tree(repository.path) == before


def test_the_number_of_a_pruned_version_is_not_given_again(
    run: Callable[..., str], repository: RepositorySpec
) -> None:
    """Clients may have asked for it by its number."""
    run("promote", MODEL, "task.version=3")
    (model_in(repository).version(4)).rename(repository.path.with_name("4"))
    repository.path.with_name("4").rename(model_in(repository).version(4))
    run("promote", MODEL, "task.version=1")
    run("prune", MODEL, "task.keep=1")
    assert publish_recorded(repository, "five") == 5


def test_verifying_says_a_line_a_version(run: Callable[..., str]) -> None:
    """And one on what they share."""
    assert run("verify").splitlines() == [
        *(f"{NAME}: version {one} is as published; not signed" for one in range(1, 5)),
        f"{NAME}: config and labels are as published",
    ]


def test_verifying_names_every_file_and_fails(
    run: Callable[..., str],
    repository: RepositorySpec,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of every model; with status 1."""
    model = model_in(repository)
    model.artifact(2).write_text("other")
    model.metrics(3).unlink()
    (model.version(4) / "new").touch()
    model.labels.write_text("other\n")
    error = _refused(run, "verify")
    assert isinstance(error, FindingsError)
    assert error.problem == "4 files are not as published"
    out = capsys.readouterr().out
    for line in (
        "2/model.pt is changed",
        "3/metrics.jsonl is missing",
        "4/new is added",
        "labels.txt is changed",
    ):
        assert f"{NAME}/{line}" in out


def test_nothing_is_said_of_the_config_beside_somebody_elses_version(
    run: Callable[..., str],
    repository: RepositorySpec,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No manifest answers for it, and that is a finding of the version."""
    (repository.path / "theirs" / "1").mkdir(parents=True)
    _refused(run, "verify", "task.model=theirs")
    assert capsys.readouterr().out == "theirs/1/manifest.json is missing\n"


def test_verifying_as_json_lists_findings(
    run: Callable[..., str], repository: RepositorySpec, capsys: pytest.CaptureFixture[str]
) -> None:
    """By path and problem; of the version that is asked for."""
    model_in(repository).artifact(2).write_text("other")
    _refused(run, "verify", MODEL, "task.version=2", "task.format=json")
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert told[0]["findings"] == [{"path": f"{NAME}/2/model.pt", "problem": "is changed"}]
    assert [one["version"] for one in told] == [2, None]


def test_signatures_are_checked_by_a_public_key(
    run: Callable[..., str],
    repository: RepositorySpec,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without one it is said that nobody has; with one a version that is not signed is found."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = tmp_path / "key.pem", tmp_path / "key.pub"
    pem = serialization.Encoding.PEM
    private.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    signing.sign(model_in(repository).version(4), private)
    assert "version 4 is as published; signed, not checked" in run("verify")
    assert "signed" in run("list")
    checked = run("verify", MODEL, "task.version=4", f"task.public_key={public}")
    assert "version 4 is as published; the signature holds" in checked
    error = _refused(run, "verify", f"task.public_key={public}")
    assert error.problem == "3 files are not as published"
    assert f"{NAME}/3/model.sig is missing: the version is not signed" in capsys.readouterr().out
