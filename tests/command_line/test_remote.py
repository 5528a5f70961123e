"""Real builds published to an S3 server, by the program; Triton serves a pulled copy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests

from tests.repository.remote import s3

from .conftest import wait_for_url
from .program import FASHION, Result, Workspace
from .served_answers import ask, scores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Built, Images

    Run = Callable[..., Result]

MODEL = ("task=versions", "task.model=fashion_cnn")


@pytest.fixture(scope="module")
def server() -> Iterator[s3.S3]:
    """An S3 server as a process of its own."""
    with s3.running() as found:
        yield found


@pytest.fixture
def run(workspace: Workspace, server: s3.S3, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program on a repository in a bucket of its own."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    path = f"repository.path=s3://{s3.new_bucket()}/models"

    def really(*arguments: str) -> Result:
        return workspace.run(*arguments, path)

    return really


def test_a_build_in_an_object_store_from_publishing_to_serving(
    run: Run, built: Built, workspace: Workspace, images: Images
) -> None:
    """Published, unchanged, planned, listed, verified, rolled back, pruned, pulled, served."""
    assert built.result.status == 0  # its stages are reused
    first = run(*FASHION)
    assert first.status == 0, first.err
    assert "fashion_cnn version 1 is published" in first.out
    assert "task.action=pull" in first.out
    again = run(*FASHION)
    assert "fashion_cnn is unchanged: version 1 in s3://" in again.out
    assert "config.pbtxt: unchanged" in run(*FASHION, "task=plan").out
    plan = run(*FASHION, "trainer.seed=1", "task=plan", "task.format=json")
    planned = json.loads(plan.out)
    assert (planned["version"], planned["served_versions"]) == (2, [1])
    second = run(*FASHION, "trainer.seed=1", "server=none")
    assert second.status == 0, second.err
    assert _served(run) == {1: False, 2: True}
    assert run(*MODEL, "task.action=verify").status == 0
    assert "serves version 1 now" in run(*MODEL, "task.action=rollback").out
    assert "serves version 2 now" in run(*MODEL, "task.action=promote", "task.version=2").out
    pulled = run(*MODEL, "task.action=pull", "task.version=1", "task.to=model_repository")
    assert pulled.status == 0, pulled.err
    assert run(*MODEL, "task.action=prune", "task.keep=1").status == 0
    assert _served(run) == {2: True}
    assert sorted(path.name for path in workspace.cwd.iterdir()) == ["model_repository"]
    _is_served(workspace, images)


def test_the_secret_is_nowhere(run: Run, built: Built, workspace: Workspace) -> None:
    """Not in what is printed, not in what is published, not in what is kept."""
    assert built.result.status == 0
    results = [run(*FASHION, "server=none", "debug=true"), run(*MODEL), run("task=serve")]
    assert [result.status for result in results] == [0, 0, 2]
    assert not any(s3.SECRET in result.out + result.err for result in results)
    assert "pull its models first" in results[-1].err
    url = f"s3://key:{s3.SECRET}@bucket/models"
    refused = workspace.run(*FASHION, f"repository.path='{url}'")
    assert refused.status == 2
    assert s3.SECRET not in refused.out + refused.err


def test_a_store_that_is_away_is_found_before_training(
    run: Run, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is a bucket that is not there: exit 4, in one paragraph that names the key."""
    assert run("task=versions").status == 0
    missing = workspace.run(*FASHION, "repository.path=s3://none/models")
    assert (missing.status, "no bucket 'none'" in missing.error) == (4, True)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.free_port()}")
    away = run(*FASHION)
    assert away.status == 4
    assert away.error.startswith("error: repository.path: the store of s3://bucket-")
    assert "cannot be reached" in away.error
    assert "epoch" not in away.err


def _served(run: Run) -> dict[int, bool]:
    rows = json.loads(run("task=versions", "task.format=json").out)
    return {row["version"]: row["served"] for row in rows}


def _is_served(workspace: Workspace, images: Images) -> None:
    """Check that Triton serves the pulled copy, with the labels of its version's directory."""
    with workspace.start("task=serve") as running:
        url = wait_for_url(running)
        answers = ask(url, 1, images)
        named = _class_named(url, images)
    expected = scores(workspace.repository, 1, images)
    assert abs(answers - expected).max() < 1e-4
    lines = (workspace.repository / "fashion_cnn" / "1" / "labels.txt").read_text().splitlines()
    assert named == lines[expected[0].argmax()]


def _class_named(url: str, images: Images) -> str:
    """Return what Triton calls the class of the first image, by its classification extension."""
    tensor = {"name": "input0", "shape": [1, 1, 28, 28], "datatype": "FP32"}
    asked = {
        "inputs": [tensor | {"data": images[:1].flatten().tolist()}],
        "outputs": [{"name": "output0", "parameters": {"classification": 1}}],
    }
    answer = requests.post(f"{url}/v2/models/fashion_cnn/infer", json=asked, timeout=30).json()
    return str(answer["outputs"][0]["data"][0]).split(":")[2]
