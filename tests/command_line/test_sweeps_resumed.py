"""A sweep that was interrupted, then killed, then run to its end: what is done is done once."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from .program import SMALL, Result, Running, Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Built

FIRST, SECOND = "1", "10"
"""Epochs of the jobs: the first one's training is that of the fixture's build, and reused."""

SWEEP = (
    *("-m", "model=fashion_cnn", "server=none", f"trainer.epochs={FIRST},{SECOND}"),
    *(value for value in SMALL if not value.startswith("trainer.epochs=")),
)
IN_TRAINING = re.compile(rf"epoch \d+/{SECOND}")
Jobs = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """What was seen at each step: results of commands, and the jobs by the sweep's leaderboard.

    `first` is the first job's result as it was written, then and at the end.
    """

    workspace: Workspace
    interrupted: Result
    when_interrupted: Jobs
    second_at_once: Result
    when_running: Jobs
    when_killed: Jobs
    ended: Result
    when_ended: Jobs
    first: tuple[str, str]


def _in_second_job(running: Running) -> None:
    running.wait_until(lambda: IN_TRAINING.search(running.err))


@pytest.fixture(scope="module")
def story(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Two jobs, of which the second takes longer: interrupted, killed, and run to the end."""
    assert built.result.status == 0  # the data are in the cache
    workspace = Workspace(tmp_path_factory.mktemp("resumed"))
    with workspace.start(*SWEEP) as running:
        _in_second_job(running)
        running.signal_group(signal.SIGINT)
        interrupted = running.result()
    (sweep,) = (workspace.cwd / "multirun").glob("*/*")
    first = (sweep / "0" / "result.json").read_text()
    resumed = (*SWEEP, f"sweep.resume={sweep.relative_to(workspace.cwd)}")

    def jobs() -> Jobs:
        told = workspace.run("task=leaderboard", f"task.sweep={sweep}", "task.format=json")
        assert told.status == 0, told.err
        found: Jobs = json.loads(told.out)["jobs"]
        return found

    when_interrupted = _left(sweep)
    with workspace.start(*resumed) as running:
        _in_second_job(running)
        _stop(running)
        second_at_once, when_running = workspace.run(*resumed), jobs()
        running.signal_group(signal.SIGKILL)
        running.result()
    return Story(
        workspace=workspace,
        interrupted=interrupted,
        when_interrupted=when_interrupted,
        second_at_once=second_at_once,
        when_running=when_running,
        when_killed=jobs(),
        ended=workspace.run(*resumed),
        when_ended=_left(sweep),
        first=(first, (sweep / "0" / "result.json").read_text()),
    )


def _left(sweep: Path) -> Jobs:
    """Return the jobs as the sweep itself left them."""
    found: Jobs = json.loads((sweep / "leaderboard.json").read_text())["jobs"]
    return found


def _stop(running: Running) -> None:
    """Let it wait, so that it does not end while others look at it."""
    running.signal_group(signal.SIGSTOP)


def _statuses(jobs: Jobs) -> dict[str, str]:
    return {job["swept"]["trainer.epochs"]: job["status"] for job in jobs}


def test_ctrl_c_ends_a_sweep_with_its_table(story: Story) -> None:
    """Status 130; what is done is told, and how to go on."""
    result = story.interrupted
    assert result.status == 130
    assert result.err.endswith("\ninterrupted\n")
    assert "Traceback" not in result.err
    assert re.search(rf"epochs={FIRST} .* done ", result.out)
    assert re.search(rf"epochs={SECOND} .* interrupted ", result.out)
    assert "the same command with sweep.resume=" in result.err
    assert _statuses(story.when_interrupted) == {FIRST: "done", SECOND: "interrupted"}


def test_a_running_sweep_is_told_from_a_killed_one(story: Story) -> None:
    """By its lock; the table is made again from what the jobs left."""
    assert _statuses(story.when_running) == {FIRST: "done", SECOND: "running"}
    assert _statuses(story.when_killed) == {FIRST: "done", SECOND: "killed"}


def test_two_sweeps_in_one_directory_are_refused(story: Story) -> None:
    """While one runs, it is not gone on with."""
    assert story.second_at_once.status == 4
    assert "sweep.resume: another sweep is running in" in story.second_at_once.error


def test_a_resumed_sweep_runs_what_is_not_done(story: Story) -> None:
    """The first job's result stays as it was; the second one is run again, to the end."""
    assert story.ended.status == 0, story.ended.err
    assert story.ended.err.count("done before, at") == 1
    assert story.first[0] == story.first[1]
    assert _statuses(story.when_ended) == {FIRST: "done", SECOND: "done"}
    names = {path.name for path in story.workspace.repository.iterdir()}
    assert names == {f"fashion_cnn-epochs_{FIRST}", f"fashion_cnn-epochs_{SECOND}"}
    assert all(job["version"] == 1 for job in story.when_ended)
    assert story.workspace.left_behind() == []
