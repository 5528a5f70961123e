"""Training with OpenMP's ways of waiting, in turns, alone and beside a program that is always busy.

    python bench/spinning.py [--rounds N] [--json FILE]

Each run is `python -m packager model=fashion_cnn` on 20,000 images, one epoch; the figure is the
epoch's own images a second.
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
from pathlib import Path

COMMAND = (
    *(sys.executable, "-m", "packager", "model=fashion_cnn", "server=none", "trainer.epochs=1"),
    *("dataset.max_train_samples=20000", "task.force=[train]"),
)
WAYS = {
    "default": {"GOMP_SPINCOUNT": "300000"},
    "brief": {"GOMP_SPINCOUNT": "1000"},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
}
EPOCH = re.compile(r"epoch 1/1  loss [\d.]+  accuracy .* ([\d,]+) images/s")
BUSY = (sys.executable, "-c", "while True: pass")


def rate(way: dict[str, str], folder: str) -> float:
    """Return the images a second of one epoch."""
    run = subprocess.run(
        COMMAND, cwd=folder, env=os.environ | way, capture_output=True, text=True, check=True
    )
    found = EPOCH.search(run.stderr)
    if found is None:
        sys.exit(f"no epoch is told: {run.stderr}")
    return float(found[1].replace(",", ""))


def main() -> None:
    """Measure, print, and write the figures where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="packager-spinning-") as folder:
        for beside in ("alone", "busy"):
            other = subprocess.Popen(BUSY) if beside == "busy" else None
            try:
                for _ in range(arguments.rounds):
                    for name, way in WAYS.items():
                        rates.setdefault(f"{beside}_{name}", []).append(rate(way, folder))
            finally:
                if other is not None:
                    other.kill()
                    other.wait()
    figures = {f"{key}_images_per_second": statistics.median(all_) for key, all_ in rates.items()}
    for key, value in figures.items():
        each = ", ".join(f"{one:,.0f}" for one in rates[key.removesuffix("_images_per_second")])
        print(f"{key:36} {value:8,.0f}   ({each})")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
