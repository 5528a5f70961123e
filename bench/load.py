"""A served model under load: many clients at once, a tenth of their requests malformed.

Requests go to fashion_cnn on the embedded server over HTTP. Every right one's answer is held to
what the module answers for those very images; malformed ones must be answered with a status of
4xx, or, where they are no whole request, may end the connection. Memory is sampled throughout.

    python bench/load.py [--json FILE] [--requests N] [--clients N] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from packager import user_cache
from packager.client import Client, WireFormat
from packager.server.embedded import embedded
from packager.server.readiness import server_name
from packager.spec.server import EmbeddedServerSpec
from tests.load import verdict
from tests.load.asking import JSON_READER
from tests.load.memory import Memory
from tests.load.messages import Target
from tests.server import traces

if TYPE_CHECKING:
    from packager.server.running import Endpoints

ROOT = Path(__file__).resolve().parents[1]
MODEL = "fashion_cnn"
IMAGES = 1_000
TOLERANCE = 1e-4
SHOWN = 10


def main() -> int:
    """Build, serve, ask, stop; print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        repository = Path(folder, "models")
        build(repository)
        outcome, figures = run(arguments, repository, target(repository))
    unexpected = outcome.unexpected()
    figures["unexpected"] = sum(unexpected.values())
    tell(outcome, figures)
    for problem in (*unexpected, *outcome.wrong)[:SHOWN]:
        print(f"unexpected: {problem}  {outcome.examples.get(problem, '')}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    bad = ("unexpected", "wrong_answers", "processes_left", "shared_memory_left")
    return 1 if any(figures[key] for key in bad) else 0


def build(repository: Path) -> None:
    """Publish the model that is asked, trained for one epoch."""
    subprocess.run(
        [
            *(sys.executable, "-m", "packager", f"model={MODEL}", "trainer=quick"),
            *("trainer.epochs=1", "server=none", f"repository.path={repository}"),
        ],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def target(repository: Path) -> Target:
    """Return the model with test images, and what the module answers for them."""
    file = user_cache.root() / "data" / "fashion_mnist" / "t10k-images-idx3-ubyte"
    pixels = np.frombuffer(file.read_bytes(), np.uint8, offset=16, count=IMAGES * 28 * 28)
    rows = pixels.reshape(IMAGES, 1, 28, 28).astype(np.float32) / 255
    with torch.inference_mode():
        module = torch.jit.load(repository / MODEL / "1" / "model.pt")  # type: ignore[no-untyped-call]
        answers = module(torch.from_numpy(rows)).numpy()
    return Target(
        model=MODEL,
        input_name="input0",
        output_name="output0",
        max_batch_size=128,
        rows=rows,
        answers=answers,
    )


def run(
    arguments: argparse.Namespace, repository: Path, asked: Target
) -> tuple[verdict.Outcome, dict[str, float]]:
    """Serve, ask, and stop; return what was answered and the figures."""
    with embedded(EmbeddedServerSpec(), repository) as server:
        identity = server_name(server.endpoints.http) or ""
        started = time.perf_counter()
        with Memory(identity) as memory:
            outcome = verdict.ask(
                server.endpoints,
                asked,
                repository.parent,
                requests=arguments.requests,
                clients=arguments.clients,
                seed=arguments.seed,
            )
        seconds = time.perf_counter() - started
        still_right = ask_grpc(server.endpoints, asked)
        log_bytes = len(server.log_text())
        stopping = time.perf_counter()
    stop_seconds = time.perf_counter() - stopping
    latencies = sorted(outcome.seconds)
    return outcome, {
        "requests": outcome.requests,
        "malformed": outcome.malformed,
        "clients": arguments.clients,
        "answered_500_by_json_reader": outcome.count(JSON_READER),
        "wrong_answers": len(outcome.wrong) + (not still_right),
        "seconds": seconds,
        "requests_per_second": outcome.requests / seconds,
        "p50_ms": 1_000 * statistics.median(latencies),
        "p99_ms": 1_000 * latencies[len(latencies) * 99 // 100],
        **_memory("server", memory, "tritonserver"),
        **_memory("stub", memory, "triton_python_backend_stub"),
        "log_kilobytes": log_bytes / 1_000,
        "stop_seconds": stop_seconds,
        "processes_left": len(traces.processes(identity)),
        "shared_memory_left": len(traces.shared_memory(identity)),
    }


def _memory(name: str, memory: Memory, process: str) -> dict[str, float]:
    tenths = memory.tenths_mb(process)
    if not tenths:
        return {}
    print(f"{name}, MB by tenths of the time: {', '.join(f'{tenth:,.0f}' for tenth in tenths)}")
    return {
        f"{name}_growth_mb": tenths[-1] - tenths[0],
        f"{name}_second_half_growth_mb": tenths[-1] - tenths[5],
        f"{name}_most_mb": memory.most_mb(process),
    }


def ask_grpc(endpoints: Endpoints, asked: Target) -> bool:
    """Return whether gRPC answers rightly, after all that its port was sent."""
    with Client(endpoints) as client:
        inputs = {asked.input_name: asked.rows[:8]}
        answer = client.infer(WireFormat.GRPC, asked.model, None, inputs)[asked.output_name]
    largest = TOLERANCE * np.abs(asked.answers).max()
    return bool(np.abs(answer - asked.answers[:8]).max() <= largest)


def tell(outcome: verdict.Outcome, figures: dict[str, float]) -> None:
    """Print what was answered to each kind of request, and the figures."""
    print(f"{'request':40} {'answered':>12}")
    for kind, counter in sorted(outcome.by_kind.items()):
        for answer, count in counter.most_common():
            print(f"{kind:40} {answer:>12} {count:10,}")
    for key, value in figures.items():
        print(f"{key:32} {value:12,.4g}")


if __name__ == "__main__":
    sys.exit(main())
