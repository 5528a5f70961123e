"""How long a build takes when nothing changed, when only serving changed, and from nothing.

    python bench/incremental.py [--json FILE] [--cores N] [--rounds N] [--quick]

Whole processes of `python -m packager model=fashion_cnn`, with their own cache and repository.
Beside them, in the same run: what Python, Hydra's composition and the import of torch alone take.
`--quick` learns from 600 images instead of 60,000.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PACKAGER = (sys.executable, "-m", "packager", "model=fashion_cnn")
QUICK = ("dataset.max_train_samples=600", "dataset.max_test_samples=200", "trainer.epochs=1")
INDEX_S = 2.5
"""Files that changed so shortly before they were hashed are hashed again the next time."""


class Bench:
    """Builds in one directory."""

    def __init__(self, folder: Path, more: tuple[str, ...]) -> None:
        self.folder, self.more = folder, more
        self.environment = os.environ | {
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        }

    def run(self, *arguments: str) -> tuple[float, str]:
        """Run a program; return its wall time in seconds and what it printed."""
        started = time.perf_counter()
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(done.stderr)
        return time.perf_counter() - started, done.stdout + done.stderr

    def build(self, *changes: str, expected: str) -> float:
        """Build; return the seconds. It must say what is expected of it."""
        seconds, told = self.run(*PACKAGER, *self.more, *changes)
        if expected not in told:
            sys.exit(f"the build does not say '{expected}':\n{told}")
        return seconds


def measure(folder: Path, rounds: int, more: tuple[str, ...]) -> dict[str, float]:
    """Return all figures, in seconds."""
    bench = Bench(folder, more)
    bench.run(*PACKAGER, *more, "--cfg", "job")  # byte code is compiled by now
    figures = {"full_build_seconds": bench.build(expected="version 1 is published")}
    time.sleep(INDEX_S)
    bench.build(expected="unchanged")
    unchanged = [bench.build(expected="unchanged") for _ in range(rounds)]
    figures["unchanged_build_seconds"] = statistics.median(unchanged)
    figures["unchanged_build_seconds_most"] = max(unchanged)
    plans = [bench.run(*PACKAGER, *more, "task=plan")[0] for _ in range(rounds)]
    figures["plan_seconds"] = statistics.median(plans)
    counts = [f"serving.instance_group.count={count}" for count in range(2, 5)]
    serving = [bench.build(count, expected="is published") for count in counts]
    figures["serving_change_build_seconds"] = statistics.median(serving)
    for name, code in ALONE.items():
        times = [bench.run(sys.executable, "-c", code)[0] for _ in range(rounds)]
        figures[f"{name}_alone_seconds"] = statistics.median(times)
    return figures


ALONE = {
    "python": "pass",
    "hydra": (
        "from hydra import compose, initialize_config_dir\n"
        "from packager import schema\n"
        "from packager.resources import folder\n"
        "schema.register()\n"
        "with initialize_config_dir(str(folder('conf')), version_base='1.3'):\n"
        "    compose('config', overrides=['model=fashion_cnn'])\n"
    ),
    "torch": "import torch",
}
"""What no build can do without, and what an unchanged one must."""


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9, help="runs of which the median is taken")
    parser.add_argument("--quick", action="store_true", help="learn from 600 images")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: arguments.cores]
    os.sched_setaffinity(0, cores)
    with tempfile.TemporaryDirectory(prefix="packager-bench-") as folder:
        more = QUICK if arguments.quick else ()
        figures = measure(Path(folder), arguments.rounds, more) | {"cores": float(len(cores))}
    for key, value in figures.items():
        print(f"{key:36} {value:12,.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
