"""Sweeps: what jobs share, what a second process gives, what Ray costs.

    python bench/sweep_launchers.py [--json FILE] [--only NAME ...]

Whole commands of `python -m packager`, each with its own cache and repository, the data files
fetched before. joblib and Ray are needed where they are measured.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
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

VARIANTS = 16
SERVING = (
    "serving.instance_group.count=1,2,3,4",
    "serving.dynamic_batching.max_queue_delay_us=100,200,300,400",
)
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


class Bench:
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


def shared_work(bench: Bench) -> dict[str, float]:
    """Compare 16 serving variants of one model with one of them, one by one and two at a time."""
    one = bench.seconds("model=fashion_cnn")
    serially = bench.seconds("-m", "model=fashion_cnn", *SERVING)
    # Two jobs share two cores, so the one that trains has a thread.
    alone = bench.seconds("model=fashion_cnn", f"trainer.threads={_threads_of_two()}")
    at_once = bench.seconds("-m", "model=fashion_cnn", *SERVING, *TWO)
    return {
        "one_build_seconds": one,
        "shared_work_ratio": serially / one,
        "shared_work_ratio_two_processes": at_once / one,
        "one_build_divided_threads_seconds": alone,
        "shared_work_ratio_two_processes_same_threads": at_once / alone,
        "seconds_a_variant": (serially - one) / (VARIANTS - 1),
    }


def joblib_speedup(bench: Bench) -> dict[str, float]:
    """Compare two processes with one, for four training jobs of a thread each."""
    one, two = (bench.seconds("-m", *TRAINING, *launcher) for launcher in (ONE, TWO))
    with patch.dict(os.environ, {"OMP_WAIT_POLICY": "ACTIVE"}):
        active = bench.seconds("-m", *TRAINING, *TWO)
    return {"joblib_speedup": one / two, "joblib_speedup_spinning": one / active}


def undivided(bench: Bench) -> dict[str, float]:
    """Compare two jobs of two threads each, spinning and passive, with two of one each."""
    more = [one for one in TRAINING if "threads" not in one and "seed" not in one]
    jobs = [*more, "trainer.seed=0,1", *TWO]
    divided = bench.seconds("-m", *jobs)
    fighting = bench.seconds("-m", *jobs, f"trainer.threads={len(os.sched_getaffinity(0))}")
    return {"undivided_threads_slowdown": fighting / divided}


def ray_overhead(bench: Bench) -> dict[str, float]:
    """Compare jobs that do next to nothing on Ray with the same in one process."""
    plain = bench.seconds("-m", *PLANNING)
    on_ray = bench.seconds("-m", *PLANNING, "hydra/launcher=ray_local")
    few = bench.seconds("-m", *PLANNING[:2], "trainer.seed=0,1", "hydra/launcher=ray_local")
    return {
        "ray_overhead_seconds_per_job": (on_ray - plain) / PLANS,
        "ray_overhead_ratio": on_ray / plain,
        "ray_seconds_per_further_job": (on_ray - few) / (PLANS - 2),
        "serial_seconds_per_job": plain / PLANS,
    }


def two_nodes(bench: Bench) -> dict[str, float]:
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
                one = bench.seconds(*jobs)
                cluster.add_node(num_cpus=1)
                two = bench.seconds(*jobs)
        finally:
            cluster.shutdown()
    return {"two_nodes_speedup": one / two}


def _threads_of_two() -> int:
    return max(1, len(os.sched_getaffinity(0)) // 2)


MEASUREMENTS: dict[str, Callable[[Bench], dict[str, float]]] = {
    one.__name__: one for one in (shared_work, joblib_speedup, undivided, ray_overhead, two_nodes)
}


def main() -> None:
    """Measure, print the figures, write them where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=list(MEASUREMENTS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="packager-bench-") as folder:
        bench, figures = Bench(Path(folder)), {}
        for name in arguments.only:
            figures |= MEASUREMENTS[name](bench)
    for key, value in figures.items():
        print(f"{key:46} {value:12,.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
