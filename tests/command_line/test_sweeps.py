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
    "one fails": (*FASHION, "server=none", "dataset.path=nowhere,null"),
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
    """What only a run can find out does not end the sweep; the table shows both, status 1."""
    workspace, result = swept["one fails"]
    assert result.status == 1
    assert [path.name for path in workspace.repository.iterdir()] == ["fashion_cnn-path_null"]
    (told,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert told.startswith("error: dataset fashion_mnist: no source serves it: folder nowhere: ")
    assert "Traceback" not in result.err
    statuses = {row[0].rpartition("=")[2]: row[4] for row in _rows(result)}
    assert statuses == {"nowhere": "failed", "null": "done"}
    assert re.search(r"dataset\.path=nowhere.*: dataset fashion_mnist: no source", result.err)
    found = _results(workspace)
    assert [job["status"] for job in found] == ["failed", "done"]
    assert [job["version"] for job in found] == [None, 1]
    _assert_clean(workspace)


@pytest.mark.parametrize(
    ("overrides", "status", "told"),
    [
        (
            ("trainer.epochs=0,1", "serving.max_batch_size=-1,4"),
            2,
            (
                "in 2 jobs, as job 0 (trainer.epochs=0 serving.max_batch_size=-1): trainer.epochs:",
                "in 2 jobs, as job 0 (trainer.epochs=0 serving.max_batch_size=-1): serving.max_",
            ),
        ),
        (
            ("trainer.epoch=1,2", "trainer=default,nope"),
            2,
            (
                "in 2 jobs, as job 0 (trainer.epoch=1 trainer=default): trainer.epoch: no such key",
                "in 2 jobs, as job 1 (trainer.epoch=1 trainer=nope): trainer: there is no 'nope'",
            ),
        ),
        (
            ("name=a,b,a",),
            2,
            ("name: 'a' would be published to ", " by job 0 (name=a), job 2 (name=a). Remedy:"),
        ),
        (
            ("inputs.0.name=INPUT__0,INPUT__3",),
            3,
            ("job 1 (inputs.0.name=INPUT__3): config.pbtxt:", "TRN804"),
        ),
        (
            ("server=external", "server.url=127.0.0.1:9", "trainer.seed=1,2"),
            4,
            ("job 0 (trainer.seed=1): server.url: no ready Triton answered",),
        ),
    ],
    ids=["values", "composition", "names", "rules", "no server"],
)
def test_a_sweep_that_cannot_run_starts_nothing(
    workspace: Workspace, overrides: tuple[str, ...], status: int, told: tuple[str, ...]
) -> None:
    """All problems of all jobs are one error, and nothing is left behind."""
    timeout = ("server.ready_timeout_s=0.2",) if "server=external" in overrides else ()
    result = workspace.run("-m", *FASHION, *overrides, *timeout)
    assert result.status == status
    assert result.err.startswith("error: sweep: none of "), result.err
    lines = result.err.splitlines()[1:]
    assert all(line.startswith("  - ") for line in lines)
    for part in told:
        assert part in result.err
    assert result.out == ""
    assert list(workspace.cwd.iterdir()) == []


def test_another_sweeper_runs_what_it_is_given(workspace: Workspace) -> None:
    """One that chooses jobs as it goes cannot be checked before: a wrong one fails by itself."""
    jobs = ("task=plan", "trainer.epochs=0,1", "hydra/sweeper=basic")
    result = workspace.run("-m", *FASHION, *jobs)
    assert result.status == 1
    assert "error: trainer.epochs: is 0; expected at least 1." in result.err
    assert [row[4] for row in _rows(result)] == ["failed", "done"]


def test_an_installation_without_the_sweeper_says_so(workspace: Workspace) -> None:
    """One that was made before there was one, and only updated."""
    nowhere = "hydra.sweeper._target_=hydra_plugins.nowhere.CheckedSweeper"
    result = workspace.run("-m", *FASHION, "trainer.seed=1,2", nowhere)
    assert result.status == 4
    assert "installation: Hydra does not find it" in result.error
    assert "Remedy: install packager again: pip install ." in result.error


def test_a_sweep_runs_where_the_path_has_quotes(workspace: Workspace) -> None:
    """Its directory is given to Hydra as an override."""
    folder = workspace.cwd / 'it\'s "here" $x'
    folder.mkdir()
    result = workspace.run("-m", *FASHION, "task=plan", "trainer.seed=1,2", cwd=folder)
    assert result.status == 0, result.err
    assert re.search(r"^preflight  2 jobs ", result.err, re.MULTILINE)
    assert len(list(folder.glob("multirun/*/*/*/result.json"))) == 2
