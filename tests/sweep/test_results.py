"""Results of a sweep's jobs: written, read back, and still there when a job was killed."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from packager.errors import UnavailableError
from packager.sweep.results import (
    DONE,
    FAILED,
    KILLED,
    LOCK,
    RUNNING,
    UNKNOWN,
    Result,
    owned,
    read,
    read_all,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB = """
import sys, time
from pathlib import Path
from packager.sweep.results import RUNNING, Result, owned, write
with owned(Path(sys.argv[1])):
    write(Path(sys.argv[1]), Result(overrides=("model=x",), status=RUNNING))
    print("written", flush=True)
    time.sleep(60)
"""


@contextmanager
def _running_job(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A job in a process of its own, which has written that it runs."""
    with subprocess.Popen(
        [sys.executable, "-c", JOB, str(directory)], stdout=subprocess.PIPE, text=True
    ) as job:
        try:
            assert job.stdout is not None
            assert job.stdout.readline() == "written\n"
            yield job
        finally:
            job.kill()


def _statuses(sweep: Path) -> list[str]:
    return [one.result.status for one in read_all(sweep)]


def test_results_read_back_whole(tmp_path: Path) -> None:
    """Every field, whatever the characters."""
    done = Result(
        overrides=("model=x", "name='ä \"b\"'"),
        status=DONE,
        asked="1f",
        threads=2,
        name="x-lr_1",
        version=3,
        promoted=True,
        metrics={"accuracy": 0.912, "parity.relative_error": 1e-7},
        subset=True,
        seconds=1.5,
        stages={"export": 0.5},
        reused={"train": 20.25},
        identity="2e",
        artifact_sha256="3d",
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:00:01+00:00",
    )
    failed = Result(overrides=(), status=FAILED, error="a.b: is wrong.\nRemedy: none.", exit_code=2)
    write(tmp_path / "0", done)
    write(tmp_path / "1", failed)
    assert [one.result for one in read_all(tmp_path)] == [done, failed]
    assert [one.directory for one in read_all(tmp_path)] == [tmp_path / "0", tmp_path / "1"]


def test_jobs_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Two goes before ten."""
    for number in (10, 2, 0, 1, 11):
        write(tmp_path / str(number), Result(overrides=(str(number),), status=DONE))
    ordered = [one.result.overrides[0] for one in read_all(tmp_path)]
    assert ordered == ["0", "1", "2", "10", "11"]


def test_the_last_result_replaces_the_one_before(tmp_path: Path) -> None:
    """One file a job, and nothing beside it."""
    with owned(tmp_path / "0"):
        write(tmp_path / "0", Result(overrides=(), status=RUNNING))
        write(tmp_path / "0", Result(overrides=(), status=DONE))
    assert _statuses(tmp_path) == [DONE]
    assert [path.name for path in (tmp_path / "0").iterdir()] == ["result.json"]


def test_a_job_is_running_until_it_is_killed(tmp_path: Path) -> None:
    """What was written at its start stays; its lock tells whether it lives."""
    with _running_job(tmp_path / "0") as job:
        assert _statuses(tmp_path) == [RUNNING]
        job.kill()
        job.wait()
        assert _statuses(tmp_path) == [KILLED]
    assert read(tmp_path / "0") == Result(overrides=("model=x",), status=RUNNING)


def test_without_locks_nobody_knows_whether_a_job_lives(tmp_path: Path) -> None:
    """Then both are told."""
    write(tmp_path / "0", Result(overrides=(), status=RUNNING))
    assert not (tmp_path / "0" / LOCK).exists()
    assert _statuses(tmp_path) == [UNKNOWN]


def test_a_killed_job_can_be_run_again(tmp_path: Path) -> None:
    """Its lock is free."""
    with _running_job(tmp_path / "0") as job:
        job.kill()
        job.wait()
    with owned(tmp_path / "0"):
        write(tmp_path / "0", Result(overrides=("model=x",), status=DONE))
    assert _statuses(tmp_path) == [DONE]


def test_a_sweep_without_jobs_has_no_results(tmp_path: Path) -> None:
    """Nor has one that never began."""
    assert read_all(tmp_path) == read_all(tmp_path / "nowhere") == []


DONE_BUT = '{"overrides": [], "status": "done", '


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", "{}", '{"overrides": 1, "status": "done"}', "\xff"),
        DONE_BUT + '"metrics": {"accuracy": "high"}}',
        DONE_BUT + '"metrics": {"accuracy": NaN}}',
        DONE_BUT + '"metrics": {"accuracy": null}}',
        DONE_BUT + '"seconds": "1"}',
        DONE_BUT + '"version": [1]}',
        DONE_BUT + '"name": 1}',
    ],
)
def test_a_file_of_something_else_is_left_out(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And named."""
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "result.json").write_bytes(text.encode("latin-1"))
    with caplog.at_level(logging.WARNING):
        assert read_all(tmp_path) == []
    assert str(tmp_path / "0" / "result.json") in caplog.text


def test_a_result_of_another_version_of_packager_is_read(tmp_path: Path) -> None:
    """What is not known is left out, what is missing is as it is by itself."""
    (tmp_path / "0").mkdir()
    content = {"overrides": ["a=1"], "status": DONE, "colour": "red"}
    (tmp_path / "0" / "result.json").write_text(json.dumps(content))
    assert read(tmp_path / "0") == Result(overrides=("a=1",), status=DONE)


def test_a_result_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file lies where the job's directory is to be."""
    (tmp_path / "0").write_text("")
    with pytest.raises(UnavailableError, match="cannot be written"):
        write(tmp_path / "0", Result(overrides=(), status=DONE))
