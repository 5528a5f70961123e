"""Publishing to an object store: a real S3 server on loopback, publishers killed while they send.

Each publisher is a process, killed at one piece of what it sends: before it is passed on, when half
of it is, or when the server has answered and the publisher has not heard. After each, every version
that any config names must be whole; the next publisher must get another number.

    python bench/remote.py [--json FILE] [--full]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.repository.remote import s3
from tests.repository.remote.killing import PLAIN, Seen, killed_at_its_pieces
from tests.repository.remote.models import publish_marked

if TYPE_CHECKING:
    from packager.spec.recipe import RemoteRepositorySpec

ROUNDS, FULL_ROUNDS = 1, 4
PUBLICATIONS = 20
MODEL_BYTES = 5_000_000


def main() -> None:
    """Run it, print the figures and write them where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--full", action="store_true", help=f"{FULL_ROUNDS} times as many kills")
    arguments = parser.parse_args()
    with s3.running() as server, tempfile.TemporaryDirectory() as staging:
        os.environ.update(server.environment)
        rounds = [
            killed_at_its_pieces(_repository(staging), server.port, step=1)
            for _ in range(FULL_ROUNDS if arguments.full else ROUNDS)
        ]
        figures = _figures(rounds) | {"publish_seconds": _publish_seconds(_repository(staging))}
    for name, value in figures.items():
        print(f"{name:20} {value:.4g}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


def _figures(rounds: list[Seen]) -> dict[str, float]:
    return {
        "kills": sum(one.kills for one in rounds),
        "pieces": max(one.pieces for one in rounds),
        "half_versions": sum(one.half_versions for one in rounds),
        "lost_versions": sum(one.lost_versions for one in rounds),
    }


def _publish_seconds(spec: RemoteRepositorySpec) -> float:
    """Return the median seconds to publish a new version."""
    seconds = []
    for _ in range(PUBLICATIONS):
        started = time.perf_counter()
        publish_marked(spec, replace(PLAIN, size=MODEL_BYTES))
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def _repository(staging: str) -> RemoteRepositorySpec:
    return s3.repository_in(s3.new_bucket(), Path(staging))


if __name__ == "__main__":
    main()
