"""What 10, 1,000 and 10,000 models in one repository cost: lint, plan, publish, list, Triton.

    python bench/scale.py [--json FILE] [--sizes N ...] [--loaded N ...]

Every model is a copy of one built `fashion_cnn` whose files are linked, not copied. A server with
explicit control shows what a repository costs before anything is loaded, and loading one model of
it; the repositories of `--loaded` are loaded whole. Memory is the proportional set size: pages that
processes share are counted once.
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
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from packager.client import Client
from packager.server.embedded import embedded
from packager.spec.server import ControlMode, EmbeddedServerSpec

if TYPE_CHECKING:
    from packager.server.running import Endpoints

SIZES = (10, 1_000, 10_000)
LOADED = (1, 10, 40)
NAME = "fashion_cnn"
BUILD = (sys.executable, "-m", "packager", f"model={NAME}")
SMALL = ("trainer.epochs=1", "dataset.max_train_samples=2000")
PUBLISHED = re.compile(r"publish .*\(([\d.]+) s\)")
ROUNDS = 3


def run(*command: str, folder: Path) -> tuple[float, str]:
    """Run a command; return its wall time and what it wrote on stderr."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):  # of lint 1 is a finding
        sys.exit(f"{' '.join(command)}: {done.stderr}")
    return time.perf_counter() - started, done.stderr


def fill(repository: Path, models: int) -> None:
    """Copy the built model until there are so many."""
    source = repository / NAME
    config = (source / "config.pbtxt").read_text()
    there = sum(1 for _ in repository.iterdir())
    for number in range(there, models):
        target = repository / f"copy{number:05}"
        for path in source.rglob("*"):
            place = target / path.relative_to(source)
            if path.is_dir():
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.name == "config.pbtxt":
                place.write_text(config.replace(NAME, target.name))
            else:
                os.link(path, place)


def commands(folder: Path, count: int) -> dict[str, float]:
    """Return the seconds of lint, plan, an unchanged build, a changed one, and a list."""
    repository = "model_repository"
    lint = (sys.executable, "-m", "packager.lint", repository)
    listed = (*BUILD[:3], "task=versions", "task.action=list")
    changed = (*BUILD, *SMALL, "server=none", f"serving.instance_group.count={count}")
    _, told = run(*changed, folder=folder)
    published = PUBLISHED.search(told)
    if published is None:
        sys.exit(f"nothing was published: {told}")
    return {
        "lint_seconds": _median(lint, folder),
        "plan_seconds": _median((*BUILD, *SMALL, "task=plan"), folder),
        "unchanged_build_seconds": _median(changed, folder),
        "publish_stage_seconds": float(published[1]),
        "versions_list_seconds": _median(listed, folder),
    }


def served(folder: Path) -> dict[str, float]:
    """Return what Triton takes to start on the repository with nothing loaded, and to load one."""
    started = time.perf_counter()
    with (
        embedded(
            EmbeddedServerSpec(ready_timeout_s=600),
            folder / "model_repository",
            control=ControlMode.explicit,
        ) as server,
        Client(server.endpoints, timeout_s=600) as client,
    ):
        ready = time.perf_counter()
        client.repository_index()
        indexed = time.perf_counter()
        client.load(NAME)
        loaded = time.perf_counter()
        return {
            "triton_start_seconds": ready - started,
            "triton_index_seconds": indexed - ready,
            "triton_load_one_seconds": loaded - indexed,
            "triton_mb": sum(_memory(server.endpoints, "tritonserver")),
        }


def loaded(folder: Path, models: int) -> dict[str, float]:
    """Return what loading a whole repository of so many takes."""
    repository = folder / f"loaded{models}"
    repository.mkdir()
    source = folder / "model_repository" / NAME
    subprocess.run(["cp", "-al", str(source), str(repository / NAME)], check=True)
    fill(repository, models)
    started = time.perf_counter()
    with embedded(EmbeddedServerSpec(ready_timeout_s=900), repository) as server:
        seconds = time.perf_counter() - started
        own = _memory(server.endpoints, "tritonserver")
        stubs = _memory(server.endpoints, "triton_python_backend_stub")
    return {
        "seconds": seconds,
        "seconds_per_model": seconds / models,
        "server_mb": sum(own),
        "model_mb": sum(stubs) / models,
    }


def _memory(endpoints: Endpoints, program: str) -> list[float]:
    """Return the proportional set size, in MB, of each of the server's processes of a program."""
    identity = Client(endpoints).server_metadata()["name"]
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_text()
            if identity in line and Path(line.split("\0")[0]).name == program:
                rollup = (process / "smaps_rollup").read_text()
                found.append(int(re.search(r"Pss:\s+(\d+)", rollup)[1]) / 1000)  # type: ignore[index]
        except OSError:
            continue
    return found


def _median(command: tuple[str, ...], folder: Path) -> float:
    return statistics.median(run(*command, folder=folder)[0] for _ in range(ROUNDS))


def main() -> None:
    """Measure, print, and write the figures where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--loaded", type=int, nargs="*", default=LOADED)
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="packager-scale-") as name:
        folder = Path(name)
        run(*BUILD, *SMALL, folder=folder)
        for models in arguments.loaded:
            figures |= {f"loaded{models}_{key}": one for key, one in loaded(folder, models).items()}
        for count, models in enumerate(sorted(arguments.sizes), start=2):
            fill(folder / "model_repository", models)
            found = commands(folder, count) | served(folder)
            figures |= {f"models{models}_{key}": one for key, one in found.items()}
    for key, value in figures.items():
        print(f"{key:44} {value:10.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
