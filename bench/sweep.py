"""What a sweep costs beside its jobs, what its jobs share, what launchers give and cost.

    python bench/sweep.py [--json FILE] [--rounds N] [--quick] [--only NAME ...]

Whole processes of `python -m packager -m`, with their own cache and repository.
`preflight_overhead_fraction`: what checking every job adds to the same sweep by Hydra's own
sweeper, which composes each job too before it starts the first; in turns, medians of both sides.
`preflight_1000_seconds`: from the start of a sweep of 1,000 jobs to its being refused for one
of them, Python's start included. `--quick` takes a tenth of the jobs. The other measurements are
those of `sweep_launchers.py`; Ray's are left out where it is not installed.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sweep_launchers

if TYPE_CHECKING:
    from collections.abc import Callable

SWEEP = (sys.executable, "-m", "packager", "-m", "model=fashion_cnn", "server=none")
BY_HYDRA = "hydra/sweeper=basic"


class Bench:
    """Sweeps in one directory."""

    def __init__(self, folder: Path, *, rounds: int, share: float) -> None:
        self.folder, self.rounds, self.share = folder, rounds, share
        root = Path(__file__).resolve().parent.parent
        path = (str(root), str(root / "packager" / "sweep" / "plugins"))
        self.environment = os.environ | {
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": os.pathsep.join(path),
        }

    def jobs(self, count: int) -> int:
        """Return how many jobs are taken where `count` are asked for."""
        return int(count * self.share)

    def run(self, *overrides: str, status: int = 0) -> tuple[float, str]:
        """Run a sweep; return its wall time in seconds, and what it printed on stderr."""
        started = time.perf_counter()
        done = subprocess.run(
            [*SWEEP, *overrides],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode != status:
            sys.exit(done.stderr)
        return seconds, done.stderr


def preflight_overhead(bench: Bench) -> dict[str, float]:
    """Return the seconds of the same sweep by Hydra's sweeper and by ours, and what that adds."""
    jobs = bench.jobs(100)
    sweep = ("task=plan", f"trainer.seed=range(0,{jobs})")
    bench.run("task=plan")  # byte code is compiled by now
    by_hydra, by_ours = [], []
    for _ in range(bench.rounds):
        by_hydra.append(bench.run(*sweep, BY_HYDRA)[0])
        seconds, told = bench.run(*sweep)
        by_ours.append(seconds)
        if f"preflight  {jobs} jobs" not in told:
            sys.exit(f"nothing was checked:\n{told}")
    hydras, ours = statistics.median(by_hydra), statistics.median(by_ours)
    return {
        "overhead_jobs": float(jobs),
        "sweep_by_hydra_seconds": hydras,
        "sweep_checked_seconds": ours,
        "preflight_overhead_fraction": ours / hydras - 1,
    }


def preflight_seconds(bench: Bench) -> dict[str, float]:
    """Return the seconds in which a sweep is refused of whose 1,000 builds one cannot be."""
    jobs = bench.jobs(1000)
    # A batch of 0 is the one that is refused; all others are checked all the same.
    seconds, told = bench.run(f"trainer.batch_size=range(0,{jobs})", status=2)
    if f"none of {jobs:,} jobs was started" not in told or told.count("  - ") != 1:
        sys.exit(f"expected one job of {jobs} to be refused:\n{told}")
    return {f"preflight_{jobs}_seconds": seconds}


PREFLIGHT: dict[str, Callable[[Bench], dict[str, float]]] = {
    one.__name__: one for one in (preflight_overhead, preflight_seconds)
}


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=5, help="runs of which the median is taken")
    parser.add_argument("--quick", action="store_true", help="a tenth of the jobs, one round")
    names = [*PREFLIGHT, *sweep_launchers.MEASUREMENTS]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()
    rounds, share = (1, 0.1) if arguments.quick else (arguments.rounds, 1.0)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="packager-bench-") as folder:
        bench = Bench(Path(folder), rounds=rounds, share=share)
        commands = functools.cache(lambda: sweep_launchers.Commands(Path(folder, "launchers")))
        for name in arguments.only:
            if name == "ray_overhead" and importlib.util.find_spec("ray") is None:
                print('ray_overhead is left out: pip install "packager[ray]"')
            elif name in PREFLIGHT:
                figures |= PREFLIGHT[name](bench)
            else:
                figures |= sweep_launchers.MEASUREMENTS[name](commands())
    for key, value in figures.items():
        print(f"{key:52} {value:12,.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
