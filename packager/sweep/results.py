"""What became of each job of a sweep, as `result.json` in the job's own directory.

Written at the start and at the end: a result that still says `running` was killed.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FILE = "result.json"
RUNNING, DONE, FAILED = "running", "done", "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One job: `status` is running, done or failed; accuracy in [0, 1]."""

    overrides: tuple[str, ...]
    status: str
    name: str = ""
    version: int | None = None
    test_accuracy: float | None = None
    error: str = ""


def write(directory: Path, result: Result) -> None:
    """Write a job's result at once, replacing the one before."""
    directory.mkdir(parents=True, exist_ok=True)
    temporary = directory / f".{FILE}"
    temporary.write_text(json.dumps(dataclasses.asdict(result), indent=2) + "\n")
    temporary.replace(directory / FILE)


def read_all(sweep: Path) -> list[Result]:
    """Return every job's result, in the order of the jobs' numbers."""
    files = sorted(sweep.glob(f"*/{FILE}"), key=lambda path: (len(path.parent.name), path))
    return [
        Result(**{**content, "overrides": tuple(content["overrides"])})
        for content in (json.loads(path.read_text()) for path in files)
    ]
