"""Images a second through a real Triton: the tutorial's way, and each change to it on its own row.

    python bench/serving.py [--json FILE] [--seconds S] [--rounds N] [--quick]
                            [--url HOST:PORT --repository DIR]

One trained fashion_cnn, packaged in several forms. Two tables: batches of 128 from one client, and
16 concurrent clients with one image each. The tutorial's side is its own: a JSON list posted by
`requests`, its plain scripted model, its config without batching. Both sides encode every request
and decode every answer within the time. Rows are measured in turns, round after round; figures are
medians, ratios are taken within a round. Every answer is compared with the trained module's after
the time is over.

The server is the embedded one. With --url it is another, which must serve --repository: the first
run with a new DIR builds the models there.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from tutorial_client import ask

from packager import schema
from packager.client import Client
from packager.datasets.fetch import fetch
from packager.datasets.load import load
from packager.load.batches import batches
from packager.load.closed_loop import WARM_UP_S, LoadSettings, Request, ask_all
from packager.load.sender import Target
from packager.load.timings import Timings
from packager.resolve.job import to_spec
from packager.resources import folder
from packager.server.external import external
from packager.server.start import start
from packager.spec.asking import Protocol
from packager.spec.server import EmbeddedServerSpec, ExternalServerSpec
from packager.stages.start import begun
from packager.stages.walk import look
from packager.tasks.ingredients import Ingredients

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.server.running import Endpoints

BASE = "model=fashion_cnn"
TWO = "serving.instance_group.count=2"

FORMS = {
    "plain": ("export.optimize=none", "serving=unbatched"),
    "scripted": ("export.optimize=none",),
    "frozen": ("export.optimize=freeze",),
    "unbatched": ("export.optimize=freeze", "serving=unbatched"),
    "channels_last": ("export.optimize=channels_last",),
    "instances": ("export.optimize=channels_last", TWO),
    "bfloat16": ("export.optimize=bfloat16",),
    "bfloat16_instances": ("export.optimize=bfloat16", TWO),
    "pixels": (
        "export.optimize=channels_last",
        "export=uint8_pixels",
        "inputs.0.data_type=UINT8",
    ),
}
"""The same weights, packaged in each of these ways."""

BATCH, CLIENTS, IMAGES = 128, 16, 1280
FLOAT32_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One way of asking: what changed against the row before, the model, and the client."""

    key: str
    label: str
    model: str
    is_tutorial: bool = False
    concurrency: int = 1


BATCH_ROWS = (
    Row(key="tutorial", label="tutorial: JSON list, scripted", model="plain", is_tutorial=True),
    Row(key="binary", label="+ binary client", model="plain"),
    Row(key="batched", label="+ Triton's batching", model="scripted"),
    Row(key="frozen", label="+ frozen", model="frozen"),
    Row(key="channels_last", label="+ channels last", model="channels_last"),
    Row(key="two", label="+ two requests at once", model="channels_last", concurrency=2),
    Row(key="instances", label="+ two instances, 4 at once", model="instances", concurrency=4),
    Row(key="pixels", label="one instance, raw pixels (uint8)", model="pixels", concurrency=2),
    Row(key="bfloat16", label="one instance, bfloat16", model="bfloat16", concurrency=2),
    Row(
        key="bfloat16_instances",
        label="+ two instances, 4 at once",
        model="bfloat16_instances",
        concurrency=4,
    ),
)
SINGLE_ROWS = (
    Row(key="tutorial", label="tutorial: JSON list, scripted", model="plain", is_tutorial=True),
    Row(key="binary", label="+ binary client", model="plain", concurrency=CLIENTS),
    Row(key="frozen", label="+ frozen", model="unbatched", concurrency=CLIENTS),
    Row(key="batched", label="+ dynamic batching", model="frozen", concurrency=CLIENTS),
    Row(key="channels_last", label="+ channels last", model="channels_last", concurrency=CLIENTS),
    Row(key="pixels", label="+ raw pixels (uint8)", model="pixels", concurrency=CLIENTS),
    Row(key="bfloat16", label="bfloat16, float32 pixels", model="bfloat16", concurrency=CLIENTS),
)
FLOAT32 = {"channels_last", "two", "instances", "pixels", "frozen", "batched"}
"""Rows that compute in float32: the headline without bfloat16."""


class Bench:
    """A server, the images and the right answers."""

    def __init__(self, endpoints: Endpoints, asked: tuple[Any, Any], *, batch: int) -> None:
        self.endpoints, self.batch, self.seconds = endpoints, batch, 4.0
        self.images, self.scores = asked
        self.checked = 0

    def measure(self, row: Row) -> dict[str, float]:
        """Ask in a row's way for a while; return images a second and the p99 in milliseconds."""
        if row.is_tutorial:
            return self._tutorial(row)
        name = f"bench_{row.model}"
        with Client(self.endpoints) as client:
            metadata = client.model_metadata(name)
        target = Target(endpoints=self.endpoints, metadata=metadata, version=1, timeout_s=60)
        settings = LoadSettings(
            protocol=Protocol.binary, concurrency=row.concurrency, rows=self.batch
        )
        tensor = metadata.inputs[0]
        pixels = self.images if tensor.data_type.value == "UINT8" else as_floats(self.images)
        asked = list(batches({tensor.name: pixels}, [tensor], size=self.batch))
        found: list[tuple[int, Any]] = []

        def answered(request: Request, outputs: dict[str, Any]) -> None:
            found.append((request.place, outputs["output0"]))

        for seconds in (WARM_UP_S, self.seconds):
            timings = Timings()
            cycle = over_and_over(asked, seconds)
            ask_all(target, settings, cycle, answered=answered, timings=timings)
        for place, scores in found:
            self._check(row, scores, place)
        return {"images": timings.samples_per_second, "p99_ms": timings.latency_ms(99)}

    def _tutorial(self, row: Row) -> dict[str, float]:
        """Ask as the tutorial does: in as many processes as there are cores where many ask."""
        url = f"http://{self.endpoints.http}/v2/models/bench_{row.model}/infer"
        clients = 1 if self.batch > 1 else CLIENTS
        told = ask(
            url,
            as_floats(self.images),
            batch=self.batch,
            clients=clients,
            seconds=self.seconds,
        )
        for answers, _ in told:
            for place, scores, _ in answers:
                self._check(row, np.array(scores).reshape(-1, 10), place)
        latencies = [latency for answers, _ in told for *_, latency in answers]
        return {
            "images": sum(len(answers) * self.batch / seconds for answers, seconds in told),
            "p99_ms": float(np.percentile(latencies, 99)) * 1000,
        }

    def _check(self, row: Row, found: Any, place: int) -> None:
        """Compare an answer with the trained module's."""
        right = self.scores[place : place + self.batch]
        found = np.asarray(found, np.float32).reshape(right.shape)
        self.checked += len(right)
        if row.model.startswith("bfloat16"):
            wrong = found.argmax(1) != right.argmax(1)
            top = np.sort(right, axis=1)
            # A near tie may fall either way; what else changes its class is wrong.
            if (wrong & (top[:, -1] - top[:, -2] > 0.05 * np.abs(right).max())).any():
                sys.exit(f"{row.label}: another class than the module's")
        elif np.abs(found - right).max() > FLOAT32_TOLERANCE * np.abs(self.scores).max():
            sys.exit(f"{row.label}: another answer than the module's")


def over_and_over(asked: Sequence[Request], seconds: float) -> Iterator[Request]:
    """Yield the same requests until the time is over."""
    until = time.perf_counter() + seconds
    yield from itertools.takewhile(lambda _: time.perf_counter() < until, itertools.cycle(asked))


def as_floats(images: Any) -> Any:
    """Return pixels as clients of the float32 models send them."""
    return images.astype(np.float32) / np.float32(255)


def question(trainer: Sequence[str]) -> tuple[Any, Any]:
    """Return test images, uint8 [N, 1, 28, 28], and the trained module's own scores [N, 10]."""
    schema.register()
    with initialize_config_dir(str(folder("conf")), version_base="1.3"):
        job = to_spec(compose("config", overrides=[BASE, *trainer]))
    spec = job.require_recipe().dataset
    if spec is None:
        raise TypeError("fashion_cnn has data")
    fetched = fetch(spec, cache=job.cache.path / "data")
    images = load(spec, fetched).test.images[:IMAGES]  # type: ignore[attr-defined]
    with begun(job) as walk:
        walk.fetched = fetched
        look(walk)
        module = Ingredients(walk).reference()
        with torch.inference_mode():
            scores = module(torch.from_numpy(as_floats(images.numpy())))
    return images.numpy(), scores.numpy()


QUICK = ("dataset.max_train_samples=6000", "trainer.epochs=1")


PROOF_FAILED = 3


def built(rows: tuple[Row, ...], repository: Path) -> tuple[Row, ...]:
    """Return the rows whose model is there."""
    return tuple(row for row in rows if (repository / f"bench_{row.model}").is_dir())


def build(repository: Path, trainer: Sequence[str]) -> None:
    """Build every form that is not there; weights are trained once.

    bfloat16 may be refused by its proof (few images, near ties): then its rows are left out.
    """
    for name, changes in FORMS.items():
        if (repository / f"bench_{name}").is_dir():
            continue
        command = [
            *(sys.executable, "-m", "packager", BASE, *trainer, *changes),
            *(f"name=bench_{name}", f"repository.path={repository}"),
        ]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == PROOF_FAILED and name.startswith("bfloat16"):
            print(f"no {name}: {done.stderr.splitlines()[-1]}", flush=True)
            continue
        if done.returncode:
            sys.exit(done.stderr)
        print(f"built {name:14} {time.perf_counter() - started:6.1f} s", flush=True)


@contextlib.contextmanager
def serving(arguments: argparse.Namespace, repository: Path) -> Iterator[Endpoints]:
    """Give the server's endpoints."""
    if arguments.url:
        with external(ExternalServerSpec(url=arguments.url)) as server:
            yield server.endpoints
        return
    with start(EmbeddedServerSpec(), repository) as server:
        yield server.endpoints


def table(bench: Bench, title: str, rows: tuple[Row, ...], rounds: int) -> dict[str, Any]:
    """Measure all rows in turns; print them; return the figures of each by key."""
    found: dict[str, list[dict[str, float]]] = {row.key: [] for row in rows}
    for _ in range(rounds):
        for row in rows:
            found[row.key].append(bench.measure(row))
    print(f"\n{title:38} {'images/s':>10} {'p99 ms':>8} {'x tutorial':>11} {'x before':>9}")
    figures: dict[str, Any] = {}
    for before, row in zip((rows[0], *rows), rows, strict=False):
        mine = found[row.key]
        figures[row.key] = {
            "images": statistics.median(one["images"] for one in mine),
            "p99_ms": statistics.median(one["p99_ms"] for one in mine),
            "speedup": _ratio(mine, found[rows[0].key]),
        }
        told = figures[row.key]
        print(
            f"{row.label:38} {told['images']:10,.0f} {told['p99_ms']:8.1f} {told['speedup']:11.2f}"
            f" {_ratio(mine, found[before.key]):9.2f}",
            flush=True,
        )
    return figures


def _ratio(one: list[dict[str, float]], other: list[dict[str, float]]) -> float:
    pairs = zip(one, other, strict=True)
    return statistics.median(mine["images"] / theirs["images"] for mine, theirs in pairs)


def main() -> None:
    """Build, measure, print two tables, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each row in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="train one epoch on 6,000 images")
    parser.add_argument("--url", help="another server than the embedded one")
    parser.add_argument("--repository", type=Path, help="keep the models there")
    arguments = parser.parse_args()
    trainer = QUICK if arguments.quick else ()
    with tempfile.TemporaryDirectory(prefix="packager-bench-") as temporary:
        repository = (arguments.repository or Path(temporary)).absolute()
        build(repository, trainer)
        asked = question(trainer)
        with serving(arguments, repository) as endpoints:
            large, small = (Bench(endpoints, asked, batch=batch) for batch in (BATCH, 1))
            large.seconds = small.seconds = arguments.seconds
            batch = table(
                large,
                f"batches of {BATCH}, one client",
                built(BATCH_ROWS, repository),
                arguments.rounds,
            )
            single = table(
                small,
                f"one image, {CLIENTS} clients at once",
                built(SINGLE_ROWS, repository),
                arguments.rounds,
            )
    figures = summary(batch, single) | {"answers_checked": float(large.checked + small.checked)}
    print()
    for key, value in figures.items():
        print(f"{key:36} {value:12,.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def summary(batch: dict[str, Any], single: dict[str, Any]) -> dict[str, float]:
    """Return the flat figures: the best of each table, and the best in float32."""

    def best(told: dict[str, Any], keys: set[str]) -> dict[str, float]:
        chosen: dict[str, float] = max(
            (told[key] for key in keys & set(told)), key=lambda one: one["images"]
        )
        return chosen

    ours = FLOAT32 | {"bfloat16", "bfloat16_instances"}
    return {
        "batch128_speedup": best(batch, ours)["speedup"],
        "batch128_float32_speedup": best(batch, FLOAT32)["speedup"],
        "images_per_second": best(batch, ours)["images"],
        "tutorial_images_per_second": batch["tutorial"]["images"],
        "concurrent16_speedup": best(single, ours)["speedup"],
        "concurrent16_float32_speedup": best(single, FLOAT32)["speedup"],
        "requests_per_second": best(single, ours)["images"],
        "tutorial_requests_per_second": single["tutorial"]["images"],
        "p99_ms": best(single, ours)["p99_ms"],
        "cores": float(len(os.sched_getaffinity(0))),
        **{f"batch128_{key}_images_per_second": told["images"] for key, told in batch.items()},
        **{f"concurrent16_{key}_requests_per_second": one["images"] for key, one in single.items()},
    }


if __name__ == "__main__":
    main()
