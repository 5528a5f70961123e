"""Training against the tutorial's loop and against the machine: one run, both on the same cores.

    python bench/training.py [--json FILE] [--full] [--cores N] [--seeds N]

Wall times count from process start, with an empty cache. The tutorial's 60 epochs are taken from
a few measured ones unless --full runs them all.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = Path("/usr/share/datasets/fashion-mnist")
TUTORIAL_EPOCHS = 60
TUTORIAL_ACCURACY = 0.860
"""What the tutorial's settings reach after their 60 epochs, as measured by --full."""

TRAINED = re.compile(r"train  test accuracy ([0-9.]+)%")
SPEED = re.compile(r"epoch \d+/\d+  loss .* ([0-9,]+) images/s")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One command of ours: seconds until the test accuracy was known."""

    trained_seconds: float
    accuracy: float
    images_per_second: tuple[float, ...]


def tutorial(folder: Path, epochs: int) -> list[dict[str, float]]:
    """Run the tutorial's loop; return its epochs."""
    command = [sys.executable, str(HERE / "tutorial.py"), str(SOURCE), str(folder / "torchvision")]
    out = subprocess.run(
        [*command, f"--epochs={epochs}"], check=True, capture_output=True, text=True
    ).stdout
    return [json.loads(line) for line in out.splitlines()]


def ours(folder: Path, *overrides: str) -> Run:
    """Build fashion_cnn without a server, from an empty cache, in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        command = [sys.executable, "-m", "packager", "model=fashion_cnn", "server=none", *overrides]
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=work,
            env=os.environ | {"XDG_CACHE_HOME": work, "PYTHONPATH": str(HERE.parent)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        lines, trained = [], None
        for line in process.stderr or ():
            lines.append(line)
            if match := TRAINED.search(line):
                trained = time.monotonic() - started, float(match[1]) / 100
        if process.wait() or trained is None:
            sys.exit("".join(lines))
        speeds = [float(m[1].replace(",", "")) for m in map(SPEED.search, lines) if m]
        return Run(
            trained_seconds=trained[0],
            accuracy=trained[1],
            images_per_second=tuple(speeds),
        )


def epoch_speed(folder: Path, rounds: int) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Alternate epochs of the two, same settings; return the figures and the tutorial's epochs."""
    theirs: list[dict[str, float]] = []
    mine: list[float] = []
    for _ in range(rounds):
        theirs += tutorial(folder, 1)
        mine += ours(folder, "trainer=tutorial_sgd", "trainer.epochs=1").images_per_second
    tutorial_speed = statistics.median(60_000 / epoch["train_seconds"] for epoch in theirs)
    speed = statistics.median(mine)
    return {
        "tutorial_images_per_second": tutorial_speed,
        "images_per_second": speed,
        "epoch_speedup": speed / tutorial_speed,
    }, theirs


def whole_tutorial(folder: Path, epochs: list[dict[str, float]], *, full: bool) -> float:
    """Return the seconds of all 60 epochs: run (--full) or extrapolated from those measured."""
    if full:
        measured = tutorial(folder, TUTORIAL_EPOCHS)
        best = max(epoch["accuracy"] for epoch in measured)
        print(f"tutorial, 60 epochs run: {best:.2%} in {measured[-1]['seconds']:,.0f} s")
        return measured[-1]["seconds"]
    start = statistics.median(epoch["seconds"] - epoch["epoch_seconds"] for epoch in epochs)
    one = statistics.median(epoch["epoch_seconds"] for epoch in epochs)
    total = start + TUTORIAL_EPOCHS * one
    print(f"tutorial, 60 epochs EXTRAPOLATED from {len(epochs)}: {total:,.0f} s ({one:.1f} s each)")
    return total


def peaks() -> dict[str, float]:
    """Measure the machine: float32 and bfloat16 matrix products, and a copy of memory."""
    command = [sys.executable, str(HERE / "peaks.py")]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(out)
    return found


def main() -> None:
    """Run all, print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--full", action="store_true", help="run the tutorial's 60 epochs too")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3, help="runs of trainer=quick and =best")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: arguments.cores]
    os.sched_setaffinity(0, cores)
    with tempfile.TemporaryDirectory(prefix="packager-bench-") as name:
        figures = measure(Path(name), full=arguments.full, seeds=arguments.seeds)
    figures["cores"] = len(cores)
    for key, value in figures.items():
        print(f"{key:36} {value:12,.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(folder: Path, *, full: bool, seeds: int) -> dict[str, float]:
    """Return all figures."""
    machine = peaks()
    figures, epochs = epoch_speed(folder, rounds=3)
    total = whole_tutorial(folder, epochs, full=full)
    quick = [ours(folder, "trainer=quick", f"trainer.seed={seed}") for seed in range(seeds)]
    for run in quick:
        print(f"trainer=quick: {run.accuracy:.2%} in {run.trained_seconds:.1f} s", flush=True)
    best = []
    for seed in range(seeds):
        best.append(ours(folder, "trainer=best", f"trainer.seed={seed}"))
        shown = f"{best[-1].accuracy:.2%} in {best[-1].trained_seconds:.0f} s"
        print(f"trainer=best, seed {seed}: {shown}", flush=True)
    reached = [run.trained_seconds for run in quick if run.accuracy >= TUTORIAL_ACCURACY]
    achieved = figures["images_per_second"] * machine["training_flop_per_image"] / 1e9
    return {
        **figures,
        "tutorial_seconds": total,
        "tutorial_is_extrapolated": float(not full),
        "quick_test_accuracy": statistics.mean(run.accuracy for run in quick),
        "quick_seconds": statistics.mean(run.trained_seconds for run in quick),
        "time_to_tutorial_accuracy_speedup": (
            total / statistics.mean(reached) if len(reached) == len(quick) else 0.0
        ),
        "best_test_accuracy": statistics.mean(run.accuracy for run in best),
        "best_seconds": statistics.mean(run.trained_seconds for run in best),
        "best_time_fraction": statistics.mean(run.trained_seconds for run in best) / total,
        "float32_peak_gflops": machine["float32_gflops"],
        "bfloat16_peak_gflops": machine["bfloat16_gflops"],
        "copy_gb_per_second": machine["copy_gb_per_second"],
        "achieved_gflops": achieved,
        "tutorial_gflops": (
            figures["tutorial_images_per_second"] * machine["training_flop_per_image"] / 1e9
        ),
        "fraction_of_float32_peak": achieved / machine["float32_gflops"],
    }


if __name__ == "__main__":
    main()
