"""Clients in processes of their own, and what is right of what they were answered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.load import asking, messages

if TYPE_CHECKING:
    from packager.server.running import Endpoints

ROOT = Path(__file__).parents[2]
MAY_CLOSE = frozenset({"not HTTP", "wrong path", *asking.GRPC_KINDS, *asking.CUT_KINDS})
"""Kinds that are no request, or not a whole one: a server may hang up or wait for the rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What was answered: how often what, by kind; right requests with wrong answers."""

    by_kind: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    wrong: list[str] = field(default_factory=list)
    examples: dict[str, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many were made."""
        return sum(counter.total() for counter in self.by_kind.values())

    @property
    def malformed(self) -> int:
        """How many were not right."""
        return self.requests - sum(self.by_kind[kind].total() for kind in asking.RIGHT_KINDS)

    def count(self, outcome: str) -> int:
        """Return how often that was answered, to whatever kind."""
        return sum(counter[outcome] for counter in self.by_kind.values())

    def unexpected(self) -> dict[str, int]:
        """Return what should not be, by kind and outcome."""
        return {
            f"{kind}: {outcome}": count
            for kind, counter in self.by_kind.items()
            for outcome, count in counter.items()
            if not _is_expected(kind, outcome)
        }


def _is_expected(kind: str, outcome: str) -> bool:
    if kind in asking.RIGHT_KINDS:
        return outcome == "200"
    if outcome.startswith("4") or outcome == asking.JSON_READER:
        return True
    return kind in MAY_CLOSE and outcome in (asking.CLOSED, asking.SILENT)


def ask(
    endpoints: Endpoints,
    target: messages.Target,
    folder: Path,
    *,
    requests: int,
    clients: int,
    processes: int = 2,
    seed: int = 1,
) -> Outcome:
    """Make the requests, and return what was answered."""
    path = folder / "target.npz"
    asking.write_target(path, target)
    ports = [str(address).rpartition(":")[2] for address in (endpoints.http, endpoints.grpc)]
    running = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.load.asking", *ports, str(path)),
                *(str(requests // processes), str(clients // processes), str(seed + number)),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    outcome = Outcome()
    for process in running:
        written, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"clients ended with status {process.returncode}")
        found = json.loads(written)
        for kind, counts in found["outcomes"].items():
            outcome.by_kind[kind].update(counts)
        outcome.wrong.extend(found["wrong"])
        outcome.examples.update(found["examples"])
        outcome.seconds.extend(found["seconds"])
    return outcome
