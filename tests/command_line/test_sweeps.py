"""`-m`: every combination is built under its own name, and every job's end is told."""

from __future__ import annotations

import csv
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

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
    from pathlib import Path

    from .conftest import Built, Served

LEADERBOARD = {"leaderboard.csv", "leaderboard.json", "leaderboard.png"}
CONFIG = re.compile(r"instance_group \{\n  count: (\d+)")


SWEEPS = {
    "two recipes": ("model=fashion_cnn,mnist_cnn", *SMALL),
    "counts": (*FASHION, "server=none", "serving.instance_group.count=1,2"),
    "one fails": (*FASHION, "server=none", "dataset.path=nowhere,null"),
    "best": (
        *FASHION,
        "server=none",
        "trainer.lr=1e-9,1e-3",
        "serving.instance_group.count=1,2",
        "sweep.promote=best",
    ),
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


def _rows(text: str) -> list[dict[str, str]]:
    """Return the cells of the printed table by their columns, one mapping a job."""
    table = (text.rpartition("\nSweep")[2] or text).splitlines()
    (header,) = [line for line in table if line.startswith("┃")]
    names = [name.strip() for name in header.strip("┃").split("┃")]
    lines = [line.strip("│").split("│") for line in table if line.startswith("│")]
    return [dict(zip(names, (cell.strip() for cell in line), strict=True)) for line in lines]


def _sweep(workspace: Workspace) -> Path:
    """Return the directory of the one sweep that was run."""
    (only,) = (workspace.cwd / "multirun").glob("*/*")
    return only


def _leaderboard(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the jobs as the file has them, best first."""
    content = json.loads((_sweep(workspace) / "leaderboard.json").read_text())
    jobs: list[dict[str, Any]] = content["jobs"]
    return jobs


def _results(workspace: Workspace) -> list[dict[str, Any]]:
    files = sorted((workspace.cwd / "multirun").rglob("result.json"))
    return [json.loads(path.read_text()) for path in files]


def _assert_clean(workspace: Workspace) -> None:
    assert {path.name for path in workspace.cwd.iterdir()} == {REPOSITORY, STAGING, "multirun"}
    assert files_but_locks(workspace.staging) == []
    assert {
        name.rpartition("/")[2] for name in tree(workspace.cwd / "multirun") if "." in name
    } == {"multirun.yaml", "result.json", *LEADERBOARD}
    assert workspace.left_behind() == []


def test_two_recipes_are_both_proven_live(swept: dict[str, Swept]) -> None:
    """Each under its own name; MNIST is a subset where only 5,000 digits can be had."""
    workspace, result = swept["two recipes"]
    assert result.status == 0, result.err
    assert {path.name for path in workspace.repository.iterdir()} == {"fashion_cnn", "mnist_cnn"}
    for name in ("fashion_cnn", "mnist_cnn"):
        manifest = json.loads((workspace.repository / name / "1" / "manifest.json").read_text())
        assert manifest["proofs"]["live"]["verdict"] == "passed"
    rows = _rows(result.out)
    assert [row["#"] for row in rows] == ["1", "2"]
    assert {row["job"]: row["model/version"] for row in rows} == {
        "model=fashion_cnn": "fashion_cnn/1",
        "model=mnist_cnn": "mnist_cnn/1",
    }
    assert [row["status"] for row in rows] == ["done", "done"]
    assert all(row["accuracy"].endswith("%*") for row in rows)  # of 600 images
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


def test_a_result_says_what_was_found(swept: dict[str, Swept]) -> None:
    """All that the manifest says of the version, and which stages ran for it."""
    workspace, _ = swept["counts"]
    for found, count in zip(_results(workspace), ("1", "2"), strict=True):
        version = workspace.repository / found["name"] / "1"
        manifest = json.loads((version / "manifest.json").read_text())
        assert found["overrides"][-1] == f"serving.instance_group.count={count}"
        assert not any(override.startswith("sweep.") for override in found["overrides"])
        assert found["identity"] == manifest["identity"]
        assert found["artifact_sha256"] == manifest["files"]["model.pt"]
        assert found["metrics"]["accuracy"] == manifest["metrics"]["accuracy"]
        assert found["metrics"]["train_loss"] == manifest["training"]["epochs"][0]["loss"]
        assert found["metrics"]["artifact_bytes"] == (version / "model.pt").stat().st_size
        assert found["subset"] is True
        assert {*found["stages"], *found["reused"]} == {*manifest["stages"]}
        assert (found["stages"] | found["reused"]) == manifest["times"]["seconds"]
        assert "train" in found["reused"]  # by the fixture's build
        assert "render" in found["stages"]
        assert found["started"] < found["ended"]
        assert 0 < found["seconds"] < 60


def test_the_table_is_left_in_files(swept: dict[str, Swept]) -> None:
    """As JSON, CSV and a picture, with the same jobs in the same order."""
    workspace, result = swept["counts"]
    sweep = _sweep(workspace)
    assert result.out.endswith(f"results: {sweep}\n")
    with (sweep / "leaderboard.csv").open() as file:
        rows = list(csv.DictReader(file))
    jobs = _leaderboard(workspace)
    assert [row["serving.instance_group.count"] for row in rows] == ["1", "2"]
    assert [row["rank"] for row in rows] == [str(job["rank"]) for job in jobs] == ["1", "2"]
    assert [float(row["accuracy"]) for row in rows] == [job["metrics"]["accuracy"] for job in jobs]
    with Image.open(sweep / "leaderboard.png") as picture:
        assert picture.format == "PNG"


def test_a_failed_job_is_told_and_the_other_is_published(swept: dict[str, Swept]) -> None:
    """What only a run can find out does not end the sweep; the table shows both, status 1."""
    workspace, result = swept["one fails"]
    assert result.status == 1
    assert [path.name for path in workspace.repository.iterdir()] == ["fashion_cnn-path_null"]
    (told,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert "nowhere" in told
    assert "Traceback" not in result.err
    rows = _rows(result.out)
    assert [(row["job"], row["status"]) for row in rows] == [
        ("path=null", "done"),
        ("path=nowhere", "failed"),
    ]
    last = [line for line in result.err.splitlines() if "dataset.path=nowhere" in line][-1]
    assert last.endswith(told.removeprefix("error: "))
    found = _results(workspace)
    assert [job["status"] for job in found] == ["failed", "done"]
    assert [job["version"] for job in found] == [None, 1]
    assert found[0]["error"] == told.removeprefix("error: ")
    assert found[0]["exit_code"] in {2, 4}
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
    assert sorted(row["status"] for row in _rows(result.out)) == ["done", "failed"]


def test_only_the_best_is_published(swept: dict[str, Swept]) -> None:
    """Under its recipe's own name; of equal ones the first. The others are in the cache."""
    workspace, result = swept["best"]
    assert result.status == 0, result.err
    assert files_but_locks(workspace.repository / "fashion_cnn") != []
    assert [path.name for path in workspace.repository.iterdir()] == ["fashion_cnn"]
    manifest = json.loads((workspace.repository / "fashion_cnn/1/manifest.json").read_text())
    assert manifest["recipe"]["trainer"]["lr"] == 1e-3
    jobs = _leaderboard(workspace)
    assert [(job["job"], job["version"], job["promoted"]) for job in jobs] == [
        ("2", 1, True),
        ("3", None, False),
        ("0", None, False),
        ("1", None, False),
    ]
    assert jobs[0]["metrics"]["accuracy"] == jobs[1]["metrics"]["accuracy"]
    assert jobs[0]["metrics"]["accuracy"] > jobs[2]["metrics"]["accuracy"]
    assert jobs[0]["identity"] == manifest["identity"]
    assert [row["status"] for row in _rows(result.out)] == ["promoted", "done", "done", "done"]
    assert result.out.count("is proven, and not published") == 4
    _assert_clean(workspace)


def test_without_a_winner_nothing_is_published(workspace: Workspace) -> None:
    """Every job fails while it runs: status 1."""
    result = workspace.run(
        "-m", *FASHION, "server=none", "dataset.path=nowhere,elsewhere", "sweep.promote=best"
    )
    assert result.status == 1
    assert [job["status"] for job in _results(workspace)] == ["failed", "failed"]
    assert "error: sweep.promote: no job is done with accuracy: nothing is" in result.err
    assert files_but_locks(workspace.repository) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-m", *FASHION, "sweep.promote=worst"), "sweep.promote: is worst;"),
        (("-m", *FASHION, "task=plan", "sweep.promote=best"), "only a build makes a model"),
        (("-m", *FASHION, "sweep.resume=nowhere"), "sweep.resume: no sweep was started"),
        ((*FASHION, "sweep.promote=best"), "sweep.promote: is for sweeps"),
        (("-m", *FASHION, "trainer.seed=range(5,0)"), "trainer.seed: has no value"),
        (("-m", *FASHION, "trainer.seed=range(0,5,0)"), "trainer.seed: has no value"),
        (("-m", "model=glob(zzz*)"), "sweep: there is no job"),
        (("-m", *FASHION, "hydra.sweep.subdir=x"), "hydra.sweep.subdir: is x for every job"),
        (("-m", *FASHION, "--cfg", "job"), "command line: shows one configuration"),
        (("task=leaderboard",), "task.sweep: is not given"),
        (("task=leaderboard", "task.sweep=."), "holds no results of a sweep"),
    ],
)
def test_what_cannot_be_asked_is_told(
    workspace: Workspace, arguments: tuple[str, ...], told: str
) -> None:
    """One paragraph, status 2, and nothing is left."""
    result = workspace.run(*arguments)
    assert result.status == 2
    assert told in result.error
    assert list(workspace.cwd.iterdir()) == []


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


def test_answers_are_not_mixed_with_the_table(built: Built, served: Served) -> None:
    """What tasks print as JSON is all of stdout; what they measured is in the table."""
    workspace = Workspace(built.workspace.root / "profiled")
    result = workspace.run(
        *("-m", "task=profile", "task.model=fashion_cnn", "task.format=json"),
        *("task.concurrency=[1],[2]", "task.batch=[1]", "task.seconds=0.3", "sweep.by=p99_ms"),
        f"repository.path={built.workspace.repository}",
        *("server=external", f"server.url={served.url.removeprefix('http://')}"),
    )
    assert result.status == 0, result.err
    decoder, profiles, rest = json.JSONDecoder(), [], result.out
    while rest.strip():
        profile, end = decoder.raw_decode(rest.lstrip())
        profiles.append(profile)
        rest = rest.lstrip()[end:]
    expected = {f"concurrency=[{at_once}]": one["best"] for at_once, one in enumerate(profiles, 1)}
    assert len(expected) == 2
    rows = _rows(result.err)
    latencies = [expected[row["job"]]["p99_ms"] for row in rows]
    assert latencies == sorted(latencies)
    for job, latency in zip(_leaderboard(workspace), latencies, strict=True):
        assert job["metrics"]["p99_ms"] == latency
        assert job["metrics"]["samples_per_second"] > 0
        assert (job["name"], job["version"]) == ("fashion_cnn", 1)


def test_an_evaluation_is_in_the_result(built: Built, served: Served) -> None:
    """Accuracy and latency of the served model, as it was published."""
    workspace = Workspace(built.workspace.root / "evaluated")
    result = workspace.run(
        *("-m", *FASHION, "task=evaluate", "server=external"),
        f"server.url={served.url.removeprefix('http://')}",
        f"repository.path={built.workspace.repository}",
    )
    assert result.status == 0, result.err
    (found,) = _results(workspace)
    record = built.workspace.repository / "fashion_cnn" / "1" / "manifest.json"
    manifest = json.loads(record.read_text())
    assert found["metrics"]["accuracy"] == pytest.approx(manifest["metrics"]["accuracy"], abs=0.01)
    assert found["metrics"]["p99_ms"] >= found["metrics"]["p50_ms"] > 0
    assert found["subset"] is True
    assert found["identity"] == manifest["identity"]
    assert found["artifact_sha256"] == manifest["files"]["model.pt"]
