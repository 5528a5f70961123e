"""Every job of a sweep composed by Hydra and checked, before one is started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from packager.command_line import sweep_preflight
from packager.command_line.sweep_composition import composer
from packager.errors import PackagerError, ProofError, SpecError, UnavailableError
from packager.sweep import names

from .sweeps import sweep

if TYPE_CHECKING:
    from pathlib import Path

FASHION = "model=fashion_cnn"
MODELS = "model=fashion_cnn,mnist_cnn"


def _check(*overrides: str, here: bool = False) -> list[list[str]]:
    """Check a command's sweep; return what was composed, in order."""
    keys = ",".join(f"'{key}'" for key in names.swept_keys(overrides))
    composed: list[list[str]] = []
    with sweep(*overrides, f"sweep.swept=[{keys}]") as (jobs, loader, master):
        compose = composer(loader, master)

        def counted(job: list[str]) -> Any:
            composed.append(job)
            return compose(job)

        sweep_preflight.run(jobs, counted, here=here)
    return composed


def _refused(*overrides: str, here: bool = False) -> PackagerError:
    with pytest.raises(PackagerError) as caught:
        _check(*overrides, here=here)
    return caught.value


def test_each_job_is_composed_once(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order in which they will run; one line tells it."""
    composed = _check(FASHION, "trainer.seed=1,2", "serving.instance_group.count=1,2")
    assert [job[1:3] for job in composed] == [
        [f"trainer.seed={seed}", f"serving.instance_group.count={count}"]
        for seed in (1, 2)
        for count in (1, 2)
    ]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("preflight  4 jobs (")


def test_problems_of_composing_and_of_values_come_together() -> None:
    """A choice that there is not, a type, a value out of range, a key too many."""
    error = _refused(FASHION, "trainer=nope,default", "trainer.epochs=x,0,1", "+serving.typo=1")
    told = str(error)
    assert type(error) is SpecError
    assert "in 3 jobs, as job 0 (trainer=nope trainer.epochs=x): trainer: there is no" in told
    assert "job 3 (trainer=default trainer.epochs=x): trainer.epochs: Value 'x'" in told
    assert "in 2 jobs, as job 4 (trainer=default trainer.epochs=0): serving.typo: no such" in told
    assert "job 4 (trainer=default trainer.epochs=0): trainer.epochs: is 0;" in told


def test_a_missing_value_is_found() -> None:
    """Of the one job that needs it."""
    told = str(_refused(FASHION, "server=external,none"))
    assert "job 0 (server=external): server.url: a value is missing." in told
    assert "job 1" not in told


def test_a_rule_that_a_config_would_break_is_found() -> None:
    """The text is rendered as a build would."""
    error = _refused(FASHION, "inputs.0.name=INPUT__0,INPUT__3")
    assert type(error) is ProofError
    assert "job 1 (inputs.0.name=INPUT__3): config.pbtxt:" in str(error)
    assert "TRN804" in str(error)


def test_a_file_that_is_not_there_is_found(tmp_path: Path) -> None:
    """What a recipe names lies where all jobs run."""
    error = _refused(FASHION, f"architecture.weights.path=null,{tmp_path / 'none.pt'}")
    assert type(error) is SpecError
    assert "none.pt): architecture.weights.path: " in str(error)


@pytest.mark.parametrize(
    "overrides",
    [(FASHION, "name=a,a"), (FASHION, "trainer.seed=1,1"), (MODELS, "name=a")],
)
def test_two_jobs_of_one_name_are_refused(overrides: tuple[str, ...], tmp_path: Path) -> None:
    """Whether it was given, or is a recipe's with the same values; both jobs are named."""
    told = str(_refused(*overrides, f"repository.path={tmp_path}"))
    assert f"would be published to {tmp_path} by job 0 (" in told
    assert ", job 1 (" in told
    assert "Remedy: leave out what is there twice;" in told


@pytest.mark.parametrize(
    "overrides",
    [
        (FASHION, "name=a,b"),
        (MODELS, "name=a", "repository.path=models-${hydra:job.num}"),
        (FASHION, "name=a", "trainer.seed=1,2", "repository.path=here,there"),
        (FASHION, "name=a,a", "task=plan"),
        (FASHION, "name=a,a", "task=evaluate"),
        (FASHION, "trainer.seed=1,1", "sweep.promote=best"),
    ],
)
def test_one_name_in_two_places_or_for_a_task_that_only_reads_is_fine(
    overrides: tuple[str, ...],
) -> None:
    """Only builds publish; what Hydra tells of a job is known already."""
    assert len(_check(*overrides)) >= 2


def test_the_server_is_asked_once_and_only_where_the_jobs_will_run() -> None:
    """A cluster's machines may have what this one lacks."""
    server = ("server=external", "server.url=127.0.0.1:9", "server.ready_timeout_s=0.2")
    overrides = (FASHION, *server, "trainer.seed=1,2")
    assert len(_check(*overrides)) == 2
    error = _refused(*overrides, here=True)
    assert type(error) is UnavailableError
    assert str(error).count("no ready Triton answered") == 1


def test_no_repository_is_made_for_a_sweep_that_is_refused(tmp_path: Path) -> None:
    """Publishing is prepared once all jobs are right."""
    place = (f"repository.path={tmp_path / 'models'}", "server=none")
    _refused(FASHION, *place, "trainer.epochs=0,1", here=True)
    assert list(tmp_path.iterdir()) == []
    _check(FASHION, *place, "trainer.epochs=1,2", here=True)
    assert (tmp_path / "models").is_dir()


def test_builds_by_latency_need_a_server_of_their_own() -> None:
    """Known before the first one trains; other tasks measure what they ask."""
    asked = ("sweep.by=[accuracy,p99_ms]", "trainer.seed=1,2")
    told = str(_refused(FASHION, *asked, "server=none"))
    assert "all 2 jobs" in told
    assert "server: is none, and builds are compared by p99_ms" in told
    assert len(_check(FASHION, *asked, "server=none", "task=evaluate")) == 2
    assert len(_check(FASHION, *asked)) == 2
