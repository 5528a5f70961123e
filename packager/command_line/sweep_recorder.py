"""What becomes of a job of a sweep, written as it happens."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from packager.command_line import errors_told
from packager.sweep import directory as sweep_directory
from packager.sweep import results

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.job import Job
    from packager.sweep.results import Result
    from packager.tasks.summary import Summary


class Recorder:
    """A job's result, written at each change."""

    def __init__(self, directory: Path, result: Result) -> None:
        self._directory, self._result = directory, result
        self._started = time.perf_counter()
        self._result = dataclasses.replace(result, started=_now())

    def begin(self, job: Job) -> None:
        """Note what was asked, and begin."""
        asked = sweep_directory.digest(job)
        if job.recipe is None:
            self._write(asked=asked)
            return
        self._write(asked=asked, name=job.recipe.name, threads=job.recipe.trainer.threads)

    def end(self, summary: Summary | None) -> None:
        """Note what was found."""
        found = {} if summary is None else dataclasses.asdict(summary)
        self._end(status=results.DONE, **found)

    def fail(self, error: Exception, *, debug: bool) -> None:
        """Tell an error and note it."""
        told = errors_told.report(error, debug=debug)
        self._end(status=results.FAILED, error=str(told), exit_code=told.exit_code)

    def interrupt(self) -> None:
        """Note that the job was broken off."""
        self._end(status=results.INTERRUPTED)

    def _end(self, **changes: object) -> None:
        seconds = round(time.perf_counter() - self._started, 3)
        self._write(seconds=seconds, ended=_now(), **changes)

    def _write(self, **changes: object) -> None:
        self._result = dataclasses.replace(self._result, **changes)  # type: ignore[arg-type]
        results.write(self._directory, self._result)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
