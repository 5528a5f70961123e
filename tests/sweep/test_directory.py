"""A sweep's directory: one sweep at a time, and going on with the one that was started in it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from packager.errors import SpecError, UnavailableError
from packager.spec.job import BuildTask
from packager.sweep.directory import claimed, digest, require_same, require_same_job, stands
from packager.sweep.results import DONE, FAILED, Result, write
from packager.sweep.settings import Settings
from tests.model_config.composing import job as composed

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.job import Job

OVERRIDES = ["model=x", "trainer.lr=0.1,0.2"]

SWEEP = """
import sys, time
from pathlib import Path
from packager.sweep.directory import claimed
from packager.sweep.settings import Settings
with claimed(Settings(directory=Path(sys.argv[1]))):
    print("claimed", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """The directory of a sweep, as Hydra and packager begin it."""
    internal = ["sweep.promote=none", "sweep.swept=['trainer.lr']"]
    told = {"hydra": {"overrides": {"task": [*OVERRIDES, *internal], "hydra": []}}}
    (tmp_path / "multirun.yaml").write_text(yaml.safe_dump(told))
    return tmp_path


def test_a_directory_is_of_one_sweep_at_a_time(tmp_path: Path) -> None:
    """Another process has it until that ends, however it ends."""
    with subprocess.Popen(
        [sys.executable, "-c", SWEEP, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "claimed\n"
        with (
            pytest.raises(UnavailableError, match=r"sweep\.resume: another sweep is running"),
            claimed(Settings(directory=tmp_path, resumes=True)),
        ):
            pass
        other.kill()
    with claimed(Settings(directory=tmp_path, resumes=True)):
        pass


def test_a_directory_that_stays_empty_is_removed(tmp_path: Path) -> None:
    """With those above that were made for it, and no others."""
    with claimed(Settings(directory=tmp_path / "a" / "b" / "c")):
        assert (tmp_path / "a" / "b" / "c").is_dir()
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.is_dir()


def test_a_directory_with_something_in_it_stays(tmp_path: Path) -> None:
    """Without the lock."""
    with claimed(Settings(directory=tmp_path / "a")):
        (tmp_path / "a" / "multirun.yaml").write_text("")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["multirun.yaml"]


def test_results_of_another_sweep_are_not_written_over(tmp_path: Path) -> None:
    """The remedy goes on with that sweep."""
    write(tmp_path / "0", Result(overrides=("a=1",), status=DONE))
    with (
        pytest.raises(SpecError, match="holds the results of another sweep") as told,
        claimed(Settings(directory=tmp_path)),
    ):
        pass
    assert f"sweep.resume={tmp_path}" in told.value.remedy


def test_the_same_overrides_go_on(started: Path) -> None:
    """What is about the sweep or about Hydra may differ."""
    require_same(started, [*OVERRIDES, f"sweep.resume={started}", "sweep.promote=best"])
    require_same(started, ["hydra/launcher=basic", *OVERRIDES])


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["model=x", "trainer.lr=0.1"],
            "started with trainer.lr=0.1,0.2, and trainer.lr=0.1 is new",
        ),
        (["model=x"], "started with trainer.lr=0.1,0.2"),
        ([*OVERRIDES, "server=none"], "another sweep: server=none is new"),
        (OVERRIDES[::-1], "in another order"),
    ],
)
def test_other_overrides_are_refused(started: Path, overrides: list[str], told: str) -> None:
    """With what differs, and what to give."""
    with pytest.raises(SpecError) as refused:
        require_same(started, overrides)
    assert refused.value.problem.endswith(told) or told in refused.value.problem
    assert refused.value.remedy.endswith("model=x trainer.lr=0.1,0.2")


@pytest.mark.parametrize("text", [None, "", "a: [", "hydra: {overrides: 1}"])
def test_a_directory_in_which_no_sweep_was_started_is_refused(
    tmp_path: Path, text: str | None
) -> None:
    """Or one whose start is not told."""
    if text is not None:
        (tmp_path / "multirun.yaml").write_text(text)
    with pytest.raises(SpecError, match=r"sweep\.resume: no sweep was started"):
        require_same(tmp_path, OVERRIDES)


def test_another_jobs_directory_is_not_written_over(tmp_path: Path) -> None:
    """A choice by pattern may have found other files this time."""
    before = Result(overrides=("model=a",), status=DONE)
    require_same_job(tmp_path, before, ["model=a"])
    with pytest.raises(SpecError, match="was model=a, and is model=b now"):
        require_same_job(tmp_path, before, ["model=b"])


def _built(repository: Path, *overrides: str) -> Job:
    return composed("model=mnist_cnn", f"repository.path={repository}", *overrides)


def _done(job: Job, **changes: object) -> Result:
    result = Result(
        overrides=(), status=DONE, asked=digest(job), name=job.require_recipe().name, version=1
    )
    return dataclasses.replace(result, **changes)  # type: ignore[arg-type]


def test_a_result_stands_while_its_version_is_published(tmp_path: Path) -> None:
    """Under the job's name."""
    job = _built(tmp_path)
    assert not stands(_done(job), job)
    (tmp_path / "mnist_cnn" / "1").mkdir(parents=True)
    assert stands(_done(job), job)
    assert not stands(_done(job, version=2), job)
    assert not stands(_done(job, version=None), job)
    assert not stands(_done(job, name="mnist_cnn-lr_1"), job)
    assert not stands(_done(job, status=FAILED), job)


def test_a_result_of_another_recipe_does_not_stand(tmp_path: Path) -> None:
    """Its YAML was changed since."""
    (tmp_path / "mnist_cnn" / "1").mkdir(parents=True)
    before, now = _built(tmp_path), _built(tmp_path, "trainer.lr=0.5")
    assert digest(before) == digest(_built(tmp_path, "name=other"))
    assert digest(before) == digest(_built(tmp_path, "trainer.threads=1"))
    assert not stands(_done(before), now)


def test_what_is_not_to_be_published_needs_no_version(tmp_path: Path) -> None:
    """A sweep that publishes only the best keeps the others in the cache."""
    job = dataclasses.replace(_built(tmp_path), task=BuildTask(publish=False))
    assert stands(_done(job, version=None, name="mnist_cnn-lr_1"), job)


def test_other_tasks_leave_nothing_that_could_be_gone(tmp_path: Path) -> None:
    """Their results are in the sweep's directory."""
    job = _built(tmp_path, "task=plan")
    assert stands(_done(job, version=None), job)
