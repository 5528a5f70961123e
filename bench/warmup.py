"""How slow a model's first request is, with and without `model_warmup`, on the real server.

    python bench/warmup.py [--json FILE] [--loads N] [--full]

Builds `fashion_cnn` once (on 600 images: weights take the same time whatever they are), then loads
it again and again into one embedded Triton, with several warmups, and asks ten times
after each load: requests of one row, or of `max_batch_size`. A load is a process of its own.
Medians, and the least where others use the machine. `--full` tries more warmups.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from packager.client import Client, WireFormat
from packager.server.embedded import embedded
from packager.spec.server import ControlMode, EmbeddedServerSpec

NAME = "fashion_cnn"
BUILD = (
    *(sys.executable, "-m", "packager", f"model={NAME}", "server=none", "trainer.epochs=1"),
    *("dataset.max_train_samples=600", "dataset.max_test_samples=200"),
)
REQUESTS = 10
BATCHES = (1, 128)
WARMUP = re.compile(r"^model_warmup \{\n(?: .*\n)*\}\n", re.MULTILINE)
SAMPLE = "sample"

Samples = tuple[tuple[int, int], ...]
"""Warmups: batch size and count of each."""

NONE: Samples = ()
OURS: Samples = ((1, 3),)
BOTH: Samples = ((1, 3), (128, 3))
MORE: tuple[Samples, ...] = (((1, 1),), ((1, 2),), ((1, 1), (128, 1)), ((128, 2),))


def variant(config: str, samples: Samples) -> str:
    """Return a config with these warmups in place of its own."""
    blocks = (
        f'model_warmup {{ name: "{size}" batch_size: {size} count: {count} inputs {{ key: "input0"'
        f' value {{ data_type: TYPE_FP32 dims: [1, 28, 28] input_data_file: "{SAMPLE}" }} }} }}\n'
        for size, count in samples
    )
    return WARMUP.sub("", config) + "".join(blocks)


def timed(client: Client, rows: np.ndarray[Any, Any]) -> list[float]:
    """Return the milliseconds of each request after a load."""
    found = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        client.infer(WireFormat.BINARY, NAME, None, {"input0": rows})
        found.append((time.perf_counter() - started) * 1000)
    return found


def loaded(client: Client) -> float:
    """Load the model anew; return the seconds."""
    client.unload(NAME)
    while any(one.get("state") in {"READY", "UNLOADING"} for one in client.repository_index()):
        time.sleep(0.02)
    started = time.perf_counter()
    client.load(NAME)
    seconds = time.perf_counter() - started
    client.model_metadata(NAME)  # the connection is there by now
    return seconds


def measure(repository: Path, variants: tuple[Samples, ...], loads: int) -> dict[str, float]:
    """Return all figures: medians over the loads."""
    model = repository / NAME
    config = (model / "config.pbtxt").read_text()
    pixels = np.random.default_rng(0).random((128, 1, 28, 28), dtype=np.float32)
    (model / "warmup").mkdir(exist_ok=True)
    (model / "warmup" / SAMPLE).write_bytes(pixels[:1].tobytes())
    figures: dict[str, float] = {}
    with (
        embedded(EmbeddedServerSpec(), repository, control=ControlMode.explicit) as server,
        Client(server.endpoints) as client,
    ):
        client.load(NAME)
        timed(client, pixels)  # the client's and the server's own first time
        rounds: dict[tuple[Samples, int], list[list[float]]] = {}
        seconds: dict[Samples, list[float]] = {samples: [] for samples in variants}
        for _ in range(loads):
            for samples in variants:
                (model / "config.pbtxt").write_text(variant(config, samples))
                for batch in BATCHES:
                    seconds[samples].append(loaded(client))
                    rounds.setdefault((samples, batch), []).append(timed(client, pixels[:batch]))
    for (samples, batch), times in rounds.items():
        for at in (1, 2, 3, REQUESTS):
            key = f"batch{batch}_request{at}_ms_{told(samples)}"
            figures[key] = statistics.median(one[at - 1] for one in times)
            figures[f"{key}_least"] = min(one[at - 1] for one in times)
    for samples, found in seconds.items():
        figures[f"load_seconds_{told(samples)}"] = statistics.median(found)
    return figures


def told(samples: Samples) -> str:
    """Return warmups as a part of a figure's name."""
    return "_".join(f"{size}x{count}" for size, count in samples) or "none"


def main() -> None:
    """Measure, print, and write the figures where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--loads", type=int, default=5, help="loads of each kind (5)")
    parser.add_argument("--full", action="store_true", help="try more warmups")
    arguments = parser.parse_args()
    variants = (NONE, OURS, BOTH, *(MORE if arguments.full else ()))
    with tempfile.TemporaryDirectory(prefix="packager-warmup-") as folder:
        subprocess.run(BUILD, cwd=folder, check=True, capture_output=True)
        figures = measure(Path(folder) / "model_repository", variants, arguments.loads)
        shutil.rmtree(Path(folder) / "model_repository")
    for name, value in figures.items():
        print(f"{name:40} {value:10.3f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
