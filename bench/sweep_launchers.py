"""What jobs of a sweep share, what a second process gives, what Ray costs; `sweep.py` runs these.

Whole commands of `python -m packager`, each with its own cache and repository, the data files
fetched before. joblib and Ray are needed where they are measured.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = str(Path(__file__).resolve().parents[1])
PACKAGER = (sys.executable, "-m", "packager")
TWO = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
ONE = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=1")

VARIANTS = {
    "one_instance": ("serving.dynamic_batching.max_queue_delay_us=range(100,1700,100)",),
    "up_to_4_instances": (
        "serving.instance_group.count=1,2,3,4",
        "serving.dynamic_batching.max_queue_delay_us=100,200,300,400",
    ),
}
"""Sixteen each."""
TRAINING = (
    "model=fashion_cnn",
    "dataset.max_train_samples=20000",
    "trainer=quick",
    "trainer.epochs=2",
    "trainer.threads=1",
    "trainer.seed=0,1,2,3",
    "export.optimize=none",
    "server=none",
)
PLANS = 12
PLANNING = ("model=fashion_cnn", "task=plan", f"trainer.seed=range({PLANS})")


class Commands:
    """Commands that share nothing but the data files."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self._data = folder / "data"
        self.seconds("model=fashion_cnn", "task.force=[data]", "trainer=none", "server=none")
        (self._cache / "data").rename(self._data)

    @property
    def _cache(self) -> Path:
        return self._folder / str(self._number) / "cache"

    def seconds(self, *arguments: str) -> float:
        """Return the wall time of a command that starts with an empty cache and repository."""
        self._number += 1
        self._cache.mkdir(parents=True)
        if self._data.is_dir():
            (self._cache / "data").symlink_to(self._data)
        started = time.perf_counter()
        done = subprocess.run(
            [*PACKAGER, *arguments, f"cache.path={self._cache}"],
            cwd=self._cache.parent,
            env=os.environ | {"PYTHONPATH": ROOT},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            sys.exit(f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        print(f"{seconds:8.1f} s  {' '.join(arguments)}", flush=True)
        return seconds


def shared_work(commands: Commands) -> dict[str, float]:
    """Compare 16 serving variants of one model with one of them, one by one and two at a time."""
    one = commands.seconds("model=fashion_cnn")
    figures = {"one_build_seconds": one}
    for name, serving in VARIANTS.items():
        serially = commands.seconds("-m", "model=fashion_cnn", *serving)
        at_once = commands.seconds("-m", "model=fashion_cnn", *serving, *TWO)
        figures |= {
            f"shared_work_ratio_{name}": serially / one,
            f"shared_work_ratio_{name}_two_processes": at_once / one,
        }
    return figures


def joblib_speedup(commands: Commands) -> dict[str, float]:
    """Compare two processes with one, for four training jobs of a thread each."""
    one, two = (commands.seconds("-m", *TRAINING, *launcher) for launcher in (ONE, TWO))
    with patch.dict(os.environ, {"OMP_WAIT_POLICY": "ACTIVE"}):
        active = commands.seconds("-m", *TRAINING, *TWO)
    return {"joblib_speedup": one / two, "joblib_speedup_spinning": one / active}


def undivided(commands: Commands) -> dict[str, float]:
    """Compare two jobs of two threads each, spinning and passive, with two of one each."""
    more = [one for one in TRAINING if "threads" not in one and "seed" not in one]
    jobs = [*more, "trainer.seed=0,1", *TWO]
    divided = commands.seconds("-m", *jobs)
    fighting = commands.seconds("-m", *jobs, f"trainer.threads={len(os.sched_getaffinity(0))}")
    return {"undivided_threads_slowdown": fighting / divided}


def ray_overhead(commands: Commands) -> dict[str, float]:
    """Compare jobs that do next to nothing on Ray with the same in one process."""
    plain = commands.seconds("-m", *PLANNING)
    on_ray = commands.seconds("-m", *PLANNING, "hydra/launcher=ray_local")
    few = commands.seconds("-m", *PLANNING[:2], "trainer.seed=0,1", "hydra/launcher=ray_local")
    return {
        "ray_overhead_seconds_per_job": (on_ray - plain) / PLANS,
        "ray_overhead_ratio": on_ray / plain,
        "ray_seconds_per_further_job": (on_ray - few) / (PLANS - 2),
        "serial_seconds_per_job": plain / PLANS,
    }


def two_nodes(commands: Commands) -> dict[str, float]:
    """Compare two nodes of a processor each with one of them, for four training jobs on Ray.

    The jobs publish to one directory, which both nodes share.
    """
    ours = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16), "PYTHONPATH": ROOT}
    with patch.dict(os.environ, ours):
        from ray.cluster_utils import Cluster  # noqa: PLC0415  reads the environment

        cluster, jobs = Cluster(), ("-m", *TRAINING, "hydra/launcher=ray_cluster")
        try:
            cluster.add_node(num_cpus=1, include_dashboard=False)
            with patch.dict(os.environ, {"RAY_ADDRESS": cluster.address}):
                one = commands.seconds(*jobs)
                cluster.add_node(num_cpus=1)
                two = commands.seconds(*jobs)
        finally:
            cluster.shutdown()
    return {"two_nodes_speedup": one / two}


MEASUREMENTS: dict[str, Callable[[Commands], dict[str, float]]] = {
    one.__name__: one for one in (shared_work, joblib_speedup, undivided, ray_overhead, two_nodes)
}
ON_RAY = {"ray_overhead", "two_nodes"}
