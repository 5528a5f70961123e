"""`hydra/sweeper=optuna`: jobs are chosen by what those before gave, and compared by all of it."""

from __future__ import annotations

import csv
import importlib.util
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from PIL import Image

from packager.sweep.sampling import DIGITS

from .program import FASHION, UNTRAINED, Result, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Built

needs_optuna = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="the extra optuna is not installed"
)
OPTUNA = ("-m", "hydra/sweeper=optuna")
LINEAR, WRONG = "[{Linear: {out_features: 3}}]", "[{Conv2d: {out_channels: 2, kernel_size: 3}}]"
SEARCHES = {
    "best": (
        *FASHION,
        "server=none",
        "trainer.lr=tag(log,interval(1e-5,1e-2))",
        "hydra.sweeper.n_trials=2",
        "sweep.promote=best",
    ),
    "some fail": (
        *UNTRAINED,
        "server=none",
        f"architecture.layers={LINEAR},{WRONG}",
        "serving.max_batch_size=range(1,9)",
        "hydra.sweeper.n_trials=4",
        "sweep.by=[artifact_bytes,seconds]",
    ),
}
Swept = tuple[Workspace, Result]


@pytest.fixture(scope="module")
def searched(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Swept]:
    """Each search, at the same time."""
    assert built.result.status == 0  # the data are in the cache

    def run(arguments: tuple[str, ...]) -> Swept:
        workspace = Workspace(tmp_path_factory.mktemp("searched"))
        return workspace, workspace.run(*OPTUNA, *arguments)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(SEARCHES, pool.map(run, SEARCHES.values()), strict=True))


def _sweep(workspace: Workspace) -> Path:
    (only,) = (workspace.cwd / "multirun").glob("*/*")
    return only


def _jobs(workspace: Workspace) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = json.loads((_sweep(workspace) / "leaderboard.json").read_text())[
        "jobs"
    ]
    return jobs


@needs_optuna
def test_the_best_of_a_search_is_published_under_the_recipes_name(
    searched: dict[str, Swept],
) -> None:
    """Found among learning rates that are numbers of few digits; what Optuna kept is the same."""
    workspace, result = searched["best"]
    assert result.status == 0, result.err
    assert "preflight  2 trials" in result.err
    jobs = _jobs(workspace)
    rates = [job["swept"]["trainer.lr"] for job in jobs]
    assert len({*rates}) == 2
    assert all(float(rate) == float(f"{float(rate):.{DIGITS}g}") for rate in rates)
    assert all(1e-5 <= float(rate) <= 1e-2 for rate in rates)
    accuracies = [job["metrics"]["accuracy"] for job in jobs]
    assert accuracies == sorted(accuracies, reverse=True)
    assert [job["promoted"] for job in jobs] == [True, False]
    assert [path.name for path in workspace.repository.iterdir()] == ["fashion_cnn"]
    found = yaml.safe_load((_sweep(workspace) / "optimization_results.yaml").read_text())
    assert found["best_value"] == accuracies[0]
    assert found["best_params"]["trainer.lr"] == float(rates[0])


@needs_optuna
def test_failed_trials_do_not_end_a_search(searched: dict[str, Swept]) -> None:
    """They are told and named; the status is that of a sweep of which some failed."""
    workspace, result = searched["some fail"]
    assert result.status == 1, result.err
    jobs = _jobs(workspace)
    assert len(jobs) == 4
    statuses = {job["status"] for job in jobs}
    assert statuses == {"done", "failed"}, jobs
    failed = [int(job["job"]) for job in jobs if job["status"] == "failed"]
    done = [int(job["job"]) for job in jobs if job["status"] == "done"]
    assert min(failed) < max(done)  # the search went on
    assert "Conv2d" in result.err
    assert "sweep.resume" not in result.err  # which a search refuses
    assert "Traceback" not in result.err
    assert "Failed experiment" not in result.err  # Optuna's own line for what is told already


@needs_optuna
def test_the_pareto_front_is_told_everywhere(searched: dict[str, Swept]) -> None:
    """In the table, the CSV, the JSON and the picture: jobs that no other is better than."""
    workspace, result = searched["some fail"]
    jobs = [job for job in _jobs(workspace) if job["status"] == "done"]
    costs = {job["job"]: (job["metrics"]["artifact_bytes"], job["seconds"]) for job in jobs}
    front = {
        one
        for one, (size, seconds) in costs.items()
        if not any(
            other != (size, seconds) and other[0] <= size and other[1] <= seconds
            for other in costs.values()
        )
    }
    assert {job["job"] for job in jobs if job["pareto"]} == front
    rows = csv.DictReader((_sweep(workspace) / "leaderboard.csv").read_text().splitlines())
    assert {row["job"] for row in rows if row["pareto"] == "True"} == front
    assert result.out.count("│ ●") == len(front)
    found = yaml.safe_load((_sweep(workspace) / "optimization_results.yaml").read_text())
    assert len(found["solutions"]) == len(front)
    with Image.open(_sweep(workspace) / "leaderboard.png") as picture:
        assert picture.format == "PNG"


def _statuses(workspace: Workspace) -> list[str]:
    files = (workspace.cwd / "multirun").glob("*/*/*/result.json")
    return [json.loads(path.read_text())["status"] for path in files]


ENDS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def _broken(number: signal.Signals, folder: Path) -> Swept:
    """Break a search off in the midst of it."""
    workspace = Workspace(folder)
    search = (
        *UNTRAINED,
        "server=none",
        f"architecture.layers={LINEAR}",
        "serving.max_batch_size=range(1,64)",
        "hydra.sweeper.n_trials=500",
        "sweep.by=seconds",
    )
    with workspace.start(*OPTUNA, *search) as running:
        running.wait_until(lambda: "done" in _statuses(workspace))
        running.signal_alone(number)
        return workspace, running.result()


@needs_optuna
def test_a_search_that_is_broken_off_tells_what_is_done(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """In its table; nothing is left behind."""
    folders = [tmp_path_factory.mktemp("broken") for _ in ENDS]
    with ThreadPoolExecutor(len(ENDS)) as pool:
        broken = list(pool.map(_broken, ENDS, folders))
    for (workspace, result), status in zip(broken, ENDS.values(), strict=True):
        assert result.status == status, result.err
        assert "Traceback" not in result.err
        table = result.out.rpartition("\nSweep")[2]
        assert "done" in table
        workspace.wait_until_nothing_is_left(within_s=10)


@needs_optuna
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("trainer.lr=interval(1e-4,1e-1)", "trainer.epoch=range(1,5)"),
            (
                "error: sweep: none of 3 trials was started:\n"
                "  - all 3 trials, as trial 0 (trainer.lr=0.0001 trainer.epoch=1): trainer.epoch:"
                " no such key. Remedy: did you mean 'epochs'?"
            ),
        ),
        (("trainer.lr=1e-3",), "error: hydra/sweeper: is optuna, and no key has several values"),
        (
            ("trainer.lr=tag(log,interval(0,1))",),
            "error: trainer.lr: cannot be searched: The `low` value must be larger than 0",
        ),
        (("trainer.lr=1,2", "hydra.sweeper.n_trials=0"), "error: hydra.sweeper.n_trials: is 0"),
    ],
)
def test_what_is_wrong_is_told_before_a_trial(
    arguments: tuple[str, ...], told: str, workspace: Workspace
) -> None:
    """And nothing is written."""
    result = workspace.run(*OPTUNA, *FASHION, *arguments)
    assert result.status == 2
    assert result.err.startswith(told), result.err
    assert list(workspace.cwd.iterdir()) == []


@needs_optuna
def test_a_search_is_not_resumed(searched: dict[str, Swept]) -> None:
    """Its jobs would be others; the error names what goes on instead."""
    workspace, _ = searched["some fail"]
    again = (*SEARCHES["some fail"], f"sweep.resume={_sweep(workspace)}")
    result = workspace.run(*OPTUNA, *again)
    assert result.status == 2
    assert result.error.startswith("error: sweep.resume: is given, and which jobs Optuna chooses")
    assert "hydra.sweeper.storage=sqlite:///FILE" in result.error


def test_without_optuna_its_extra_is_named(workspace: Workspace) -> None:
    """The environment lacks something; where it is installed, its plugin is an empty one here."""
    plugin = workspace.root / "hydra_plugins" / "hydra_optuna_sweeper"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").touch()
    search = {"PYTHONPATH": str(workspace.root)}
    arguments = (*OPTUNA, *FASHION, "trainer.lr=interval(1e-4,1e-1)")
    result = workspace.run(*arguments, cwd=workspace.cwd, **search)
    assert result.status == 4
    assert result.error == (
        "error: hydra/sweeper: 'optuna' is not installed. Remedy: pip install \"packager[optuna]\"."
    )


def test_an_interval_is_for_optuna(workspace: Workspace) -> None:
    """Hydra's own sweeper runs every value; the error names the one that does not."""
    result = workspace.run("-m", *FASHION, "trainer.lr=interval(1e-4,1e-1)")
    assert result.status == 2
    assert "hydra/sweeper: runs every value" in result.error
    assert "hydra/sweeper=optuna" in result.error


def test_a_build_is_measured_for_a_sweep_by_latency(built: Built, workspace: Workspace) -> None:
    """On a server of its own, before it is published; all else is reused."""
    assert built.result.status == 0
    result = workspace.run("-m", *FASHION, "sweep.by=[accuracy,p99_ms]")
    assert result.status == 0, result.err
    assert "live (reused)" in result.err
    (job,) = _jobs(workspace)
    assert job["pareto"]
    assert job["metrics"]["accuracy"] > 0
    assert 0 < job["metrics"]["p50_ms"] <= job["metrics"]["p99_ms"] < 1000
    assert job["version"] == 1
    assert workspace.left_behind() == []
