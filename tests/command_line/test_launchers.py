"""Sweeps in several processes, by joblib and by submitit: what is shared, told and left behind."""

from __future__ import annotations

import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .program import FASHION, REPOSITORY, STAGING, UNTRAINED, Result, Workspace, files_but_locks

if TYPE_CHECKING:
    from .conftest import Built

TRAINED = (
    *(one for one in FASHION if "threads" not in one),
    "trainer.seed=5",
    "server=none",
    "export.optimize=none",
    "serving.instance_group.count=1,2",
)
JOBLIB = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
LAUNCHERS = {"joblib": JOBLIB, "submitit": ("hydra/launcher=submitit_local",)}
DRAWN = (
    *UNTRAINED,
    "architecture.layers=[{Linear: {out_features: 3}}]",
    "serving.max_batch_size=4",
    "serving.instance_group.count=1,2,3",
    "server=embedded",
)
Swept = tuple[Workspace, Result]


@pytest.fixture(scope="module")
def swept(built: Built, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Swept]:
    """The same two jobs by every launcher, each with a cache that holds the data alone."""
    assert built.result.status == 0
    data = Path(os.environ["XDG_CACHE_HOME"], "packager", "data")

    def run(arguments: tuple[str, ...]) -> Swept:
        workspace = Workspace(tmp_path_factory.mktemp("launched"))
        cache = workspace.root / "cache"
        cache.mkdir()
        (cache / "data").symlink_to(data)
        return workspace, workspace.run("-m", *TRAINED, *arguments, f"cache.path={cache}")

    return {name: run(arguments) for name, arguments in LAUNCHERS.items()}


def _manifests(workspace: Workspace) -> list[dict[str, Any]]:
    files = sorted(workspace.repository.glob("*/1/manifest.json"))
    return [json.loads(path.read_text()) for path in files]


def _statuses(workspace: Workspace) -> list[str]:
    files = sorted((workspace.cwd / "multirun").glob("*/*/*/result.json"))
    return [json.loads(path.read_text())["status"] for path in files]


def _logs(workspace: Workspace, result: Result) -> str:
    """Return all that jobs printed: submitit keeps it in files."""
    kept = sorted((workspace.cwd / "multirun").rglob("*_log.*"))
    return result.out + result.err + "".join(path.read_text() for path in kept)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_one_job_trains_and_the_other_waits_for_it(launcher: str, swept: dict[str, Swept]) -> None:
    """Both publish the same artifact, in a config of its own each."""
    workspace, result = swept[launcher]
    assert result.status == 0, _logs(workspace, result)
    assert _statuses(workspace) == ["done", "done"]
    told = _logs(workspace, result)
    assert len(re.findall(r"\] +epoch 1/1", told)) == 1, told
    first, second = _manifests(workspace)
    artifacts = [made["files"]["model.pt"] for made in (first, second)]
    assert artifacts[0] == artifacts[1]
    assert first["config"] != second["config"]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_one_that_trains_has_all_threads(launcher: str, swept: dict[str, Swept]) -> None:
    """And the manifests say how many: other numbers train other weights."""
    made = _manifests(swept[launcher][0])
    cores = len(os.sched_getaffinity(0))
    assert [one["training"]["threads"] for one in made] == [cores, cores]


def test_launchers_train_the_same_bits(swept: dict[str, Swept]) -> None:
    """Of the same jobs."""
    joblib, submitit = (_manifests(workspace) for workspace, _ in swept.values())
    assert [one["files"]["model.pt"] for one in joblib] == [
        one["files"]["model.pt"] for one in submitit
    ]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_lines_tell_whose_they_are_and_nothing_is_left(
    launcher: str, swept: dict[str, Swept]
) -> None:
    """What two processes print at once is whole."""
    workspace, result = swept[launcher]
    printed = _logs(workspace, result).splitlines()
    stages = [line for line in printed if re.search(r"publish  \w", line)]
    assert sorted(line[:4] for line in stages) == ["[0] ", "[1] "], stages
    assert {path.name for path in workspace.cwd.iterdir()} == {REPOSITORY, STAGING, "multirun"}
    assert files_but_locks(workspace.staging) == []
    assert workspace.left_behind() == []


def _worker(workspace: Workspace) -> int:
    """Return a process of joblib's that runs a job."""
    mark = f"PACKAGER_TEST_RUN={workspace.mark}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (
                mark in (process / "environ").read_bytes()
                and b"popen_loky_posix" in (process / "cmdline").read_bytes()
            ):
                return int(process.name)
    raise AssertionError(workspace.processes())


def _serves(workspace: Workspace) -> bool:
    """Say whether a server runs, and no job is at files that it would leave when it is killed."""
    servers = any("tritonserver" in one for one in workspace.processes())
    return servers and not list(workspace.temporary.glob("packager-export-*"))


def _broken(folder: Path, how: str) -> Swept:
    """Break a sweep off while its servers run."""
    workspace = Workspace(folder)
    with workspace.start("-m", *DRAWN, *JOBLIB, f"cache.path={folder}/cache") as running:
        running.wait_until(lambda: _serves(workspace))
        match how:
            case "ctrl-c":
                running.signal_group(signal.SIGINT)
            case "terminated":
                running.signal_alone(signal.SIGTERM)
            case "killed":
                running.signal_alone(signal.SIGKILL)
            case "worker killed":
                os.kill(_worker(workspace), signal.SIGKILL)
        return workspace, running.result()


ENDS = {
    "ctrl-c": (130, "interrupted"),
    "terminated": (143, "interrupted"),
    "killed": (-signal.SIGKILL, ""),
    "worker killed": (1, "killed"),
}
"""The command's status, and what its table says of a job."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Swept]:
    """Sweeps that end early, each in its way."""
    folders = {how: tmp_path_factory.mktemp("broken") for how in ENDS}
    with ThreadPoolExecutor(len(ENDS)) as pool:
        return dict(zip(ENDS, pool.map(_broken, folders.values(), folders), strict=True))


@pytest.mark.parametrize("how", ENDS)
def test_a_sweep_that_is_broken_off_leaves_nothing(how: str, broken: dict[str, Swept]) -> None:
    """No process, no shared memory; the table says which jobs had no end."""
    workspace, result = broken[how]
    status, told = ENDS[how]
    assert result.status == status, result.err
    assert "Traceback" not in result.err
    assert told in result.out
    workspace.wait_until_nothing_is_left(within_s=10)


def test_a_lost_worker_is_told(broken: dict[str, Swept]) -> None:
    """In one paragraph."""
    _, result = broken["worker killed"]
    assert "error: hydra/launcher: the launcher gave up: TerminatedWorkerError" in result.err


@pytest.mark.parametrize("launcher", ["ray", "ray_local", "ray_cluster"])
def test_a_launcher_that_is_not_installed_names_its_extra(
    launcher: str, workspace: Workspace
) -> None:
    """The environment lacks something; where Ray is installed, its plugin is an empty one here."""
    plugin = workspace.root / "hydra_plugins" / "hydra_ray_launcher"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").touch()
    search = {"PYTHONPATH": str(workspace.root)}
    result = workspace.run(
        "-m", *FASHION, f"hydra/launcher={launcher}", cwd=workspace.cwd, **search
    )
    assert result.status == 4
    assert result.error == (
        "error: hydra/launcher: 'ray' is not installed. Remedy: pip install \"packager[ray]\"."
    )
