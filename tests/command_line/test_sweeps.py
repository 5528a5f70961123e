"""`-m`: every combination is built under its own name, and every job's end is told."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from .program import (
    FASHION,
    REPOSITORY,
    SMALL,
    STAGING,
    Result,
    Workspace,
    files_but_locks,
    tree,
)

if TYPE_CHECKING:
    from .conftest import Built

CONFIG = re.compile(r"instance_group \{\n  count: (\d+)")


SWEEPS = {
    "two recipes": ("model=fashion_cnn,mnist_cnn", *SMALL),
    "counts": (*FASHION, "server=none", "serving.instance_group.count=1,2"),
    "one fails": (*FASHION, "server=none", "trainer.epochs=0,1"),
}
Swept = tuple[Workspace, Result]


@pytest.fixture(scope="module")
def swept(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Swept]:
    """Every sweep that trains, two at a time."""
    assert built.result.status == 0  # the data are in the cache

    def run(arguments: tuple[str, ...]) -> Swept:
        workspace = Workspace(tmp_path_factory.mktemp("sweep"))
        return workspace, workspace.run("-m", *arguments)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(SWEEPS, pool.map(run, SWEEPS.values()), strict=True))


def _rows(result: Result) -> list[list[str]]:
    """Return the cells of the printed table, a list a job."""
    table = result.out.rpartition("\nSweep")[2] or result.out
    lines = [line for line in table.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def _results(workspace: Workspace) -> list[dict[str, Any]]:
    files = sorted((workspace.cwd / "multirun").rglob("result.json"))
    return [json.loads(path.read_text()) for path in files]


def _assert_clean(workspace: Workspace) -> None:
    assert {path.name for path in workspace.cwd.iterdir()} == {REPOSITORY, STAGING, "multirun"}
    assert files_but_locks(workspace.staging) == []
    assert {
        name.rpartition("/")[2] for name in tree(workspace.cwd / "multirun") if "." in name
    } == {"multirun.yaml", "result.json"}
    assert workspace.left_behind() == []


def test_two_recipes_are_both_proven_live(swept: dict[str, Swept]) -> None:
    """Each under its own name; MNIST is a subset where only 5,000 digits can be had."""
    workspace, result = swept["two recipes"]
    assert result.status == 0, result.err
    assert {path.name for path in workspace.repository.iterdir()} == {"fashion_cnn", "mnist_cnn"}
    for name in ("fashion_cnn", "mnist_cnn"):
        manifest = json.loads((workspace.repository / name / "1" / "manifest.json").read_text())
        assert manifest["proofs"]["live"]["verdict"] == "passed"
    rows = _rows(result)
    assert [row[1:3] for row in rows] == [["fashion_cnn", "1"], ["mnist_cnn", "1"]]
    assert [row[4] for row in rows] == ["done", "done"]
    assert [found["status"] for found in _results(workspace)] == ["done", "done"]
    assert "SUBSET: only a part of mnist" in result.err
    _assert_clean(workspace)


def test_a_swept_value_is_in_the_name_and_in_the_config(swept: dict[str, Swept]) -> None:
    """One model a value."""
    workspace, result = swept["counts"]
    assert result.status == 0, result.err
    assert {path.name for path in workspace.repository.iterdir()} == {
        "fashion_cnn-count_1",
        "fashion_cnn-count_2",
    }
    for count in ("1", "2"):
        name = f"fashion_cnn-count_{count}"
        config = (workspace.repository / name / "config.pbtxt").read_text()
        assert f'name: "{name}"' in config
        assert CONFIG.findall(config) == [count]
    assert [found["name"] for found in _results(workspace)] == [
        "fashion_cnn-count_1",
        "fashion_cnn-count_2",
    ]
    _assert_clean(workspace)


def test_a_failed_job_is_told_and_the_other_is_published(swept: dict[str, Swept]) -> None:
    """A failure does not end the sweep; the table shows both, and the status is 1."""
    workspace, result = swept["one fails"]
    assert result.status == 1
    assert [path.name for path in workspace.repository.iterdir()] == ["fashion_cnn-epochs_1"]
    told = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert [line.partition(" Remedy:")[0] for line in told] == [
        "error: trainer.epochs: is 0; expected at least 1."
    ]
    assert "Traceback" not in result.err
    statuses = {row[0].rpartition("=")[2]: row[4] for row in _rows(result)}
    assert statuses["1"] == "done"
    assert statuses["0"] == "failed"
    assert re.search(r"trainer\.epochs=0.*: trainer\.epochs: is 0;", result.err)
    found = _results(workspace)
    assert [job["status"] for job in found] == ["failed", "done"]
    assert [job["version"] for job in found] == [None, 1]
    _assert_clean(workspace)


def test_a_sweep_in_which_every_job_fails_publishes_nothing(workspace: Workspace) -> None:
    """Status 1, without training."""
    result = workspace.run("-m", *FASHION, "server=none", "trainer.lr=0,-1")
    assert result.status == 1
    assert [job["status"] for job in _results(workspace)] == ["failed", "failed"]
    assert {path.name for path in workspace.cwd.iterdir()} == {"multirun"}


def test_a_sweep_with_a_typo_runs_no_job(workspace: Workspace) -> None:
    """The configuration is wrong before there are jobs."""
    result = workspace.run("-m", *FASHION, "server=none", "trainer.epoch=1,2")
    assert result.status == 2
    assert "did you mean 'epochs'?" in result.error
    assert not workspace.repository.exists()


def test_a_sweep_runs_where_the_path_has_quotes(workspace: Workspace) -> None:
    """Its directory is given to Hydra as an override."""
    folder = workspace.cwd / 'it\'s "here" $x'
    folder.mkdir()
    result = workspace.run("-m", *FASHION, "server=none", "trainer.lr=0,-1", cwd=folder)
    assert result.status == 1, result.err
    assert len(list(folder.glob("multirun/*/*/*/result.json"))) == 2
