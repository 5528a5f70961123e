"""What became of each job of a sweep, as `result.json` in the job's own directory.

Written at the start and at the end, by whatever process and machine runs the job. A job holds a
lock beside it: a result that says `running`, and whose lock is free, is of a job that was killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packager import output_file

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE, LOCK = "result.json", "job.lock"

RUNNING, DONE, FAILED, INTERRUPTED = "running", "done", "failed", "interrupted"
"""What a job writes."""

KILLED, UNKNOWN = "killed", "running or killed"
"""What is told of a job that wrote no end; unknown where its filesystem has no locks."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One job: what it was asked to do, and what became of it.

    `asked` is the digest of its recipe, `threads` those that it trains with where a number is
    told: a launcher divides a host's. `name` and `version` are of the model that it published,
    or asked; `promoted` says that it was published as the best of the sweep. `metrics` are figures
    by name, accuracy in [0, 1], of a part of the dataset where `subset`. `seconds` is the job's
    wall time, `stages` those of stages that ran, `reused` what the others took when they did.
    `identity` is that of the version, as in its manifest. Times are UTC in ISO 8601.
    """

    overrides: tuple[str, ...]
    status: str
    asked: str = ""
    threads: int | None = None
    name: str = ""
    version: int | None = None
    promoted: bool = False
    metrics: Mapping[str, float] = field(default_factory=dict)
    subset: bool = False
    seconds: float | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    reused: Mapping[str, float] = field(default_factory=dict)
    identity: str = ""
    artifact_sha256: str = ""
    started: str = ""
    ended: str = ""
    error: str = ""
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A job's directory, and its result as it stands now."""

    directory: Path
    result: Result


@contextlib.contextmanager
def owned(directory: Path) -> Iterator[None]:
    """Hold a job's lock, in its directory; the operating system frees that of a killed job."""
    from packager.cache.locks import FAILURES  # noqa: PLC0415  only sweeps need locks here
    from packager.repository.locks import held  # noqa: PLC0415

    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        # Without locks a job runs all the same; whether it was killed cannot be told then.
        with contextlib.suppress(*FAILURES):
            stack.enter_context(
                held(
                    directory / LOCK, waiting_for=f"another process that runs this job, {directory}"
                )
            )
        yield


def write(directory: Path, result: Result) -> None:
    """Write a job's result at once, replacing the one before.

    Raises:
        UnavailableError: it cannot be written.
    """
    text = json.dumps(dataclasses.asdict(result), indent=2) + "\n"
    output_file.write(directory / FILE, text.encode(), where="hydra.sweep.dir")


def read(directory: Path) -> Result | None:
    """Return the result that a job wrote last; None where there is none, or another's file."""
    try:
        content = json.loads((directory / FILE).read_text())
        known = {one.name for one in dataclasses.fields(Result)}
        kept = {key: value for key, value in content.items() if key in known}
        result = Result(**{**kept, "overrides": tuple(content["overrides"])})
        _require_types(result)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError, IsADirectoryError):
        logger.warning("%s is no job's result: left out", directory / FILE)
        return None
    return result


def _require_types(result: Result) -> None:
    """Check what is compared and told.

    Raises:
        TypeError, ValueError: somebody else wrote it.
    """
    seconds = [*result.stages.values(), *result.reused.values(), result.seconds or 0.0]
    if not all(map(math.isfinite, (*result.metrics.values(), *seconds))):
        raise ValueError("a figure is no number")
    texts = (*result.overrides, result.status, result.name, result.error, result.ended)
    if not all(isinstance(one, str) for one in texts):
        raise TypeError("a text is none")
    if not isinstance(result.version or 0, int):
        raise TypeError("a version is no number")


def read_all(sweep: Path) -> list[Recorded]:
    """Return every job's result as it stands now, in the order of the jobs' numbers."""
    folders = {path.parent for path in sweep.glob(f"*/{FILE}")}
    ordered = sorted(folders, key=lambda folder: (len(folder.name), folder.name))
    found = ((folder, read(folder)) for folder in ordered)
    return [
        Recorded(directory=folder, result=_as_it_stands(folder, result))
        for folder, result in found
        if result is not None
    ]


def _as_it_stands(directory: Path, result: Result) -> Result:
    """Return a result that says `running` as what is known of the job."""
    if result.status != RUNNING:
        return result
    from packager.cache.locks import FAILURES, is_free  # noqa: PLC0415

    if not (directory / LOCK).exists():
        # It may have ended since its result was read.
        latest = read(directory)
        ended = latest is not None and latest.status != RUNNING
        return latest if latest and ended else dataclasses.replace(result, status=UNKNOWN)
    try:
        status = KILLED if is_free(directory / LOCK) else RUNNING
    except FAILURES:
        status = UNKNOWN
    return dataclasses.replace(result, status=status)
