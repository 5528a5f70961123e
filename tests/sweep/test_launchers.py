"""What each launcher needs, and how a host's threads are divided among its jobs."""

from __future__ import annotations

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from packager.errors import UnavailableError
from packager.sweep import launchers, ray_engine

JOBLIB = {"_target_": "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"}
SUBMITIT = "hydra_plugins.hydra_submitit_launcher.submitit_launcher."
LOCAL: dict[str, Any] = {"_target_": f"{SUBMITIT}LocalLauncher", "cpus_per_task": None}
SLURM: dict[str, Any] = {"_target_": f"{SUBMITIT}SlurmLauncher", "cpus_per_task": None}
RAY: dict[str, Any] = {"_target_": "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"}
BASIC = {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}


@pytest.mark.parametrize(
    ("launcher", "sweeper", "trainings", "threads"),
    [
        (BASIC, {"max_batch_size": None}, 16, 8),
        (JOBLIB | {"n_jobs": 2}, {}, 16, 4),
        (JOBLIB | {"n_jobs": -1}, {}, 16, 1),
        (JOBLIB | {"n_jobs": -1}, {}, 3, 2),
        (JOBLIB | {"n_jobs": -2}, {}, 16, 1),
        (JOBLIB | {"n_jobs": -1}, {"max_batch_size": 4}, 16, 2),
        (JOBLIB | {"n_jobs": -1}, {"n_jobs": 2}, None, 4),
        (LOCAL, {}, 2, 4),
        (LOCAL, {}, 100, 1),
        (LOCAL, {}, None, 1),
        (LOCAL | {"cpus_per_task": 3}, {}, 100, 3),
        (SLURM, {}, 100, 8),
        (SLURM | {"cpus_per_task": 4}, {}, 100, 4),
        (SLURM | {"cpus_per_task": 64}, {}, 100, 8),
        (RAY | {"ray": {"remote": {}}}, {}, 2, 1),
        (RAY | {"ray": {"remote": {"num_cpus": 4}}}, {}, 2, 4),
        (RAY | {"ray": {"remote": {"num_cpus": 0.5}}}, {}, 2, 1),
    ],
)
def test_jobs_that_run_at_once_share_the_cores(
    launcher: dict[str, Any], sweeper: dict[str, Any], trainings: int | None, threads: int
) -> None:
    """Of eight; never less than a thread, nor more than there are cores."""
    assert launchers.threads_each(launcher, sweeper, trainings=trainings, cores=8) == threads


@pytest.mark.parametrize(
    ("overrides", "trainings"),
    [
        (["model=a,b", "trainer.lr=1e-3", "trainer.seed=range(3)"], 6),
        (["model=a"], 1),
        (["model=a,b", "serving.max_batch_size=1,2", "serving/instance_group=cpu,gpu"], 2),
        (["model=a", "trainer.lr=choice(1,2,3,4)"], 4),
        (["model=a", "trainer.lr=interval(0,1)"], None),
        (["model=a", "dataset=glob(*)"], None),
        (["model=a", "+hydra.sweeper.params={trainer.lr: '1,2'}"], None),
    ],
)
def test_the_number_of_trainings_follows_from_the_overrides(
    overrides: list[str], trainings: int | None
) -> None:
    """Where they alone decide."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    assert launchers.trainings_of(parsed) == trainings


@pytest.mark.parametrize("interpreter", ["/a b/bin/python", "/a\tb/bin/python"])
def test_a_python_that_ray_cannot_start_is_told(interpreter: str) -> None:
    """Its nodes would try without end."""
    ray_engine.require_plain_path("/ab/bin/python")
    with pytest.raises(UnavailableError, match="splits its path at spaces"):
        ray_engine.require_plain_path(interpreter)


def test_only_what_came_through_a_plugin_is_a_launchers() -> None:
    """An error of composing is told as that."""
    plugin: dict[str, Any] = {"__name__": "hydra_plugins.some_launcher._core"}
    exec("def launch(): raise RuntimeError('a worker was lost.\\nmore')", plugin)  # noqa: S102
    with pytest.raises(RuntimeError) as lost:
        plugin["launch"]()
    told = launchers.gave_up(lost.value)
    assert told is not None
    assert told.problem == "the launcher gave up: RuntimeError: a worker was lost"
    with pytest.raises(ValueError, match="no") as other:
        raise ValueError("no")
    assert launchers.gave_up(other.value) is None
