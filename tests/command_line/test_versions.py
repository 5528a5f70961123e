"""`task=versions` as a program, while a server polls what it changes."""

from __future__ import annotations

import json
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from .conftest import copy_version_1, wait_for_url
from .program import FASHION, Workspace, tree
from .served_answers import is_ready

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Built

MODEL = "task.model=fashion_cnn"


@pytest.fixture(scope="module")
def two(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A working directory whose repository has two versions that differ, the second served."""
    workspace = Workspace(tmp_path_factory.mktemp("two"))
    copy_version_1(built, workspace)
    result = workspace.run(*FASHION, "trainer.seed=1", "server=none")
    assert result.status == 0, result.err
    return workspace


@pytest.fixture
def workspace(two: Workspace, tmp_path: Path) -> Workspace:
    """One of one's own with the same repository."""
    made = Workspace(tmp_path)
    shutil.copytree(two.repository, made.repository)
    return made


def test_a_server_follows_a_rollback_and_a_forced_prune(workspace: Workspace) -> None:
    """It serves what is promoted, and what is left; version numbers are not given again."""
    with workspace.start("task=serve") as running:
        url = wait_for_url(running)
        running.wait_until(lambda: is_ready(url, 2), within_s=20)
        back = workspace.run("task=versions", "task.action=rollback", MODEL)
        assert (back.status, back.out) == (
            0,
            "fashion_cnn serves version 1 now; version 2 before\n",
        )
        running.wait_until(lambda: is_ready(url, 1) and not is_ready(url, 2), within_s=20)
        pruned = workspace.run(
            "task=versions", "task.action=prune", MODEL, "task.keep=1", "task.force=true"
        )
        assert "serves version 2 now; version 1 before" in pruned.out
        running.wait_until(lambda: is_ready(url, 2) and not is_ready(url, 1), within_s=20)
        running.signal_group(signal.SIGINT)
        log = running.result().err
    assert "failed to load" not in log
    assert "is not present" not in log


def test_reading_writes_nothing(workspace: Workspace) -> None:
    """Listing and verifying, as text and as JSON; where there is no staging folder either."""
    before = tree(workspace.cwd)
    listed = workspace.run("task=versions")
    rows = json.loads(workspace.run("task=versions", "task.format=json").out)
    checked = workspace.run("task=versions", "task.action=verify", "model=fashion_cnn")
    assert (listed.status, checked.status) == (0, 0), listed.err + checked.err
    assert [(row["version"], row["served"]) for row in rows] == [(1, False), (2, True)]
    assert all(0 < row["accuracy"] < 1 and row["built"].endswith("+00:00") for row in rows)
    assert checked.out.splitlines() == [
        "fashion_cnn: version 1 is as published; not signed",
        "fashion_cnn: version 2 is as published; not signed",
        "fashion_cnn: config and labels are as published",
    ]
    assert tree(workspace.cwd) == before


@pytest.mark.parametrize("name", ["model.pt", "manifest.json", "metrics.jsonl"])
def test_tampering_is_found_and_not_promoted(workspace: Workspace, name: str) -> None:
    """One bit of any file of a real version: status 1, and 3 where it should be served."""
    path = workspace.repository / "fashion_cnn" / "1" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    found = workspace.run("task=versions", "task.action=verify")
    assert found.status == 1
    assert f"fashion_cnn/1/{name} " in found.out
    assert "not as published" in found.error
    refused = workspace.run("task=versions", "task.action=promote", MODEL, "task.version=1")
    assert refused.status in {2, 3}
    assert "1" in refused.error


def test_what_is_not_there_ends_with_2_and_one_line(workspace: Workspace) -> None:
    """A model, a version, how many to keep."""
    for arguments, told in (
        (("task.model=nope",), "choose of fashion_cnn"),
        (("task.action=promote", MODEL, "task.version=7"), "choose of 1, 2"),
        (("task.action=prune", MODEL), "task.keep=3"),
        (("task.action=repair",), "repair"),
    ):
        result = workspace.run("task=versions", *arguments)
        assert result.status == 2
        assert told in result.error
