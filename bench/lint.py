"""How long `packager-lint` takes: to start, and for repositories of 100 to 10,000 models.

    python bench/lint.py [--json FILE] [--cores N] [--rounds N]

Of ten models six are as packager publishes them, one runs in Python, one is an ensemble of three
others, and two break rules. Every size is a repository of its own, in memory where /dev/shm is.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = (100, 300, 1_000, 3_000, 10_000)
MEMORY = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory

CLASSIFIER = """\
name: "{name}"
platform: "pytorch_libtorch"
max_batch_size: {size}
input {{
  name: "input0"
  data_type: TYPE_FP32
  dims: [1, 28, 28]
}}
output {{
  name: "output0"
  data_type: TYPE_FP32
  dims: [10]
  label_filename: "labels.txt"
}}
instance_group {{
  count: 1
  kind: KIND_CPU
}}
dynamic_batching {{
  preferred_batch_size: [16, 64]
  max_queue_delay_microseconds: 100
}}
"""
PREPARATION = """\
name: "{name}"
backend: "python"
max_batch_size: 128
input [ {{ name: "png", data_type: TYPE_STRING, dims: [1] }} ]
output [ {{ name: "image", data_type: TYPE_FP32, dims: [1, 28, 28] }} ]
"""
ENSEMBLE = """\
name: "{name}"
platform: "ensemble"
max_batch_size: 64
input [ {{ name: "PNG", data_type: TYPE_STRING, dims: [1] }} ]
output [
  {{ name: "FIRST", data_type: TYPE_FP32, dims: [10] }},
  {{ name: "SECOND", data_type: TYPE_FP32, dims: [10] }}
]
ensemble_scheduling {{
  step [
    {{
      model_name: "m{decade}_6"
      model_version: -1
      input_map {{ key: "png" value: "PNG" }}
      output_map {{ key: "image" value: "IMAGE" }}
    }},
    {{
      model_name: "m{decade}_0"
      model_version: -1
      input_map {{ key: "input0" value: "IMAGE" }}
      output_map {{ key: "output0" value: "FIRST" }}
    }},
    {{
      model_name: "m{decade}_1"
      model_version: -1
      input_map {{ key: "input0" value: "IMAGE" }}
      output_map {{ key: "output0" value: "SECOND" }}
    }}
  ]
}}
"""


def write_repository(root: Path, models: int) -> None:
    """Write as many models."""
    for number in range(models):
        decade, kind = divmod(number, 10)
        name = f"m{decade:05}_{kind}"
        text, artifact = {6: (PREPARATION, "model.py"), 7: (ENSEMBLE, None)}.get(
            kind, (CLASSIFIER, "model.pt")
        )
        folder = root / name
        (folder / "1").mkdir(parents=True)
        # The eighth prefers batches larger than its largest; the ninth lacks its labels.
        size = 32 if kind == 8 else 128
        content = text.format(name=name, size=size, decade=f"{decade:05}")
        (folder / "config.pbtxt").write_text(content)
        if artifact:
            (folder / "1" / artifact).write_bytes(b"model")
        if artifact == "model.pt" and kind != 9:
            (folder / "labels.txt").write_text("\n".join(map(str, range(10))) + "\n")


def seconds(*arguments: str) -> tuple[float, str]:
    """Run the command in a process of its own; return its wall time and its summary."""
    started = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "packager.lint", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)},
    )
    taken = time.perf_counter() - started
    if run.returncode > 1:
        sys.exit(run.stderr)
    return taken, (run.stdout.splitlines() or [""])[-1]


def growth(times: dict[int, float]) -> float:
    """Return the exponent of the best power law: 1 where time grows as the models do."""
    xs = [math.log(size) for size in times]
    ys = [math.log(taken) for taken in times.values()]
    return statistics.linear_regression(xs, ys).slope


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="runs of which the median is taken")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[: arguments.cores]
    os.sched_setaffinity(0, cores)
    figures = measure(arguments.rounds) | {"cores": float(len(cores))}
    for key, value in figures.items():
        print(f"{key:36} {value:12,.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(rounds: int) -> dict[str, float]:
    """Return all figures."""
    figures = {"start_seconds": statistics.median(seconds("--help")[0] for _ in range(9))}
    times: dict[int, float] = {}
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="packager-bench-", dir=place) as folder:
        for size in SIZES:
            root = Path(folder, str(size))
            write_repository(root, size)
            runs = [seconds(str(root)) for _ in range(rounds)]
            times[size] = statistics.median(taken for taken, _ in runs)
            print(f"{size:6,} models: {times[size]:6.2f} s  {runs[0][1]}", flush=True)
            figures[f"seconds_{size}_models"] = times[size]
    figures["milliseconds_a_model"] = 1_000 * times[SIZES[-1]] / SIZES[-1]
    # The command's own start is in all of them; growth is that of the work.
    start = figures["start_seconds"]
    large = {size: taken - start for size, taken in times.items() if size >= 1_000}
    figures["growth_exponent"] = growth(large)
    return figures


if __name__ == "__main__":
    main()
