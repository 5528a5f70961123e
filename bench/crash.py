"""Kill -9 of publishers at their own steps, while a real Triton polls and clients ask.

Each kill hits a publisher as it begins one of its system calls (strace injects it), for a new model
and for versions of existing ones: with the same config, with other instances, with other inputs and
labels. After each, everything on disk must fit; then the next publisher runs to its end.

    python bench/crash.py [--json FILE] [--full] [--seed N]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from packager.errors import UnavailableError
from packager.repository import transition
from packager.repository.publish import prepare
from packager.server.embedded import embedded
from packager.spec.recipe import RepositorySpec
from packager.spec.server import ControlMode, EmbeddedServerSpec
from tests.repository import answering, kills
from tests.repository.clients import Asker
from tests.repository.consistency import left_in_staging, problems
from tests.repository.kills import Step
from tests.repository.publisher import Change

KILLS = 10
"""At each step of each kind of change; four times as many with --full."""

LANES = 3
"""How many models of each kind are published to at the same time."""

MISSES = 3
"""What others left is done first, which shifts calls: how often to try for a kill at most."""

SETTLE_S = str(transition.SETTLE_S)
PATIENCE_S = 60.0
SHOWN = 10
ERROR = re.compile(r"E\d{4} ")
"""How a line of Triton's log begins that tells of an error: none is expected."""


@dataclass
class Run:
    """What is done and what went wrong, of all lanes together."""

    root: Path
    address: str
    calls: dict[Change, dict[str, list[Step]]]
    count: int
    kills: Counter[tuple[Change, str]] = field(default_factory=Counter)
    askers: list[Asker] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    publications: Counter[Change] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, name: str, change: Change) -> Asker:
        """Begin to ask a model."""
        asker = Asker(self.address, name, change)
        with self.lock:
            self.askers.append(asker)
        asker.start()
        return asker

    def next(self, change: Change) -> Step | None:
        """Return a call of the step that was hit least so far; None when all were hit enough."""
        calls = self.calls[change]
        with self.lock:
            short = [label for label in calls if self.kills[change, label] < self.count]
            if not short or self.publications[change] > MISSES * self.count * len(calls):
                return None
            least = min(short, key=lambda label: (self.kills[change, label], random.random()))  # noqa: S311
            return random.choice(calls[least])  # noqa: S311

    def disturb(self, name: str, change: Change, step: Step, published: list[int]) -> None:
        """Kill a publisher, look, let Triton look, and have the next publisher finish."""
        arguments = [str(self.root), name, change.value, SETTLE_S]
        where = kills.killed(arguments, step)
        if where is not None:
            with self.lock:
                self.kills[change, where.label] += 1
        self.lost += problems(self.root, name, change, expected=published)
        time.sleep(random.random() * 1.5)  # noqa: S311  up to a poll and a half
        published.append(kills.publish(arguments))
        published[:] = range(1, published[-1] + 1)
        self.lost += problems(self.root, name, change, expected=published)
        with self.lock:
            self.publications[change] += 1

    def lane(self, number: int, change: Change) -> None:
        """Kill and publish until all steps were hit; at the end the newest version must answer."""
        name = f"{change.value}{number}"
        published: list[int] = []
        asker = self.ask(name, change)
        if change is not Change.new:
            arguments = [str(self.root), name, change.value, SETTLE_S]
            published = [kills.publish(arguments) for _ in range(2)]
        count = 0
        while (step := self.next(change)) is not None:
            if change is Change.new:
                self._await(asker, published)
                name, published = f"{change.value}{number}-{count}", []
                asker = self.ask(name, change)
                count += 1
            self.disturb(name, change, step, published)
        self._await(asker, published)

    def _await(self, asker: Asker, published: list[int]) -> None:
        if published and not asker.wait_for(published[-1], timeout_s=PATIENCE_S):
            self.stale.append(f"{asker.name} version {published[-1]} is not served")
        asker.stop()


def main() -> int:
    """Kill, publish, ask; print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--full", action="store_true", help="four times as many kills")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    try:
        kills.require_strace()
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as folder:
        steps = {change: _steps(Path(folder, change.value), change) for change in Change}
        run, log = _run(Path(folder, "run"), steps, KILLS * (4 if arguments.full else 1))
    failed = [line for line in log.splitlines() if ERROR.match(line)]
    figures = _figures(run, steps, log, failed) | {"seconds": time.monotonic() - started}
    _print(run, figures)
    refused = [one for asker in run.askers for one in asker.refused]
    wrong = [one for asker in run.askers for one in asker.wrong]
    for problem in (*failed, *wrong, *run.lost, *run.stale, *refused)[:SHOWN]:
        print(problem)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if failed or wrong or run.lost or run.stale else 0


def _steps(root: Path, change: Change) -> list[Step]:
    """Return the steps of one publication, in order, from one that is not disturbed."""
    _repository(root)
    arguments = [str(root), "m", change.value, "0"]
    if change is not Change.new:
        for _ in range(2):
            kills.publish(arguments)
    return kills.steps(arguments)


def _repository(root: Path) -> Path:
    spec = RepositorySpec(path=root / "models", staging=root / ".models.staging")
    prepare(spec)
    return spec.path


def _run(root: Path, steps: dict[Change, list[Step]], count: int) -> tuple[Run, str]:
    models = _repository(root)
    backend = Path(answering.__file__).parent
    with embedded(
        EmbeddedServerSpec(),
        models,
        control=ControlMode.poll,
        backends={"pytorch": backend},
        extra_flags=["--disable-auto-complete-config"],
    ) as server:
        start = len(server.log_text())
        calls = {change: _by_label(steps[change]) for change in Change}
        run = Run(root=root, address=server.endpoints.http, calls=calls, count=count)
        lanes = [(number, change) for change in Change for number in range(LANES)]
        with ThreadPoolExecutor(len(lanes)) as pool:
            ended = [pool.submit(run.lane, *lane) for lane in lanes]
            for lane in ended:
                lane.result()
        run.lost += [f"{name} is left in staging" for name in left_in_staging(root)]
        return run, server.log_text()[start:]


def _by_label(steps: list[Step]) -> dict[str, list[Step]]:
    """Return the calls of each step."""
    calls: dict[str, list[Step]] = {}
    for step in steps:
        calls.setdefault(step.label, []).append(step)
    return calls


def _figures(
    run: Run, steps: dict[Change, list[Step]], log: str, failed: list[str]
) -> dict[str, float]:
    places = {(change, step.label) for change in Change for step in steps[change]}
    return {
        "kills": sum(run.kills.values()),
        "failed_loads": len(failed),
        "wrong_answers": sum(len(asker.wrong) for asker in run.askers),
        "lost_versions": len(run.lost),
        "unserved_versions": len(run.stale),
        "refused_requests": sum(len(asker.refused) for asker in run.askers),
        "steps": len(places),
        "least_kills_at_a_step": min(run.kills[place] for place in places),
        "publications": run.publications.total(),
        "loads": log.count("successfully loaded"),
        "answers": sum(asker.answers for asker in run.askers),
    }


def _print(run: Run, figures: dict[str, float]) -> None:
    labels = sorted({label for _, label in run.kills})
    print(f"{'killed as it begins to':66}" + "".join(f"{change.value:>11}" for change in Change))
    for label in labels:
        counts = "".join(f"{run.kills[change, label] or '':>11}" for change in Change)
        print(f"{label:66}{counts}")
    for key, value in figures.items():
        print(f"{key:32} {value:12,.4g}")


if __name__ == "__main__":
    sys.exit(main())
