"""Results of a sweep's jobs: written, read back, and still there when a job was killed."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from packager.sweep.results import DONE, FAILED, RUNNING, Result, read_all, write

if TYPE_CHECKING:
    from pathlib import Path

JOB = """
import sys, time
from pathlib import Path
from packager.sweep.results import RUNNING, Result, write
write(Path(sys.argv[1]), Result(overrides=("model=x",), status=RUNNING))
print("written", flush=True)
time.sleep(60)
"""


def test_results_read_back_whole(tmp_path: Path) -> None:
    """Every field, whatever the characters."""
    done = Result(
        overrides=("model=x", "name='ä \"b\"'"),
        status=DONE,
        name="x-lr_1",
        version=3,
        test_accuracy=0.912,
    )
    failed = Result(overrides=(), status=FAILED, error="a.b: is wrong.\nRemedy: none.")
    write(tmp_path / "0", done)
    write(tmp_path / "1", failed)
    assert read_all(tmp_path) == [done, failed]


def test_jobs_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Two goes before ten."""
    for number in (10, 2, 0, 1, 11):
        write(tmp_path / str(number), Result(overrides=(str(number),), status=DONE))
    assert [result.overrides[0] for result in read_all(tmp_path)] == ["0", "1", "2", "10", "11"]


def test_the_last_result_replaces_the_one_before(tmp_path: Path) -> None:
    """One file a job, and nothing beside it."""
    write(tmp_path / "0", Result(overrides=(), status=RUNNING))
    write(tmp_path / "0", Result(overrides=(), status=DONE))
    assert [result.status for result in read_all(tmp_path)] == [DONE]
    assert [path.name for path in (tmp_path / "0").iterdir()] == ["result.json"]


def test_a_killed_job_is_shown_as_running(tmp_path: Path) -> None:
    """What was written at its start stays."""
    with subprocess.Popen(
        [sys.executable, "-c", JOB, str(tmp_path / "0")], stdout=subprocess.PIPE, text=True
    ) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "written\n"
        job.kill()
    assert read_all(tmp_path) == [Result(overrides=("model=x",), status=RUNNING)]


def test_a_sweep_without_jobs_has_no_results(tmp_path: Path) -> None:
    """Nor has one that never began."""
    assert read_all(tmp_path) == read_all(tmp_path / "nowhere") == []
