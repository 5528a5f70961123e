"""What a command asks of its sweep as a whole, and where the sweep goes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from packager.command_line.hydra_application import parsed
from packager.errors import SpecError
from packager.spec.sweeping import By, Promote
from packager.sweep.settings import Settings, is_setting, settings


def _asked(*overrides: str) -> Settings:
    return settings(parsed(list(overrides)))


def test_nothing_asked_is_a_new_sweep_that_publishes_every_model() -> None:
    """In a directory by the clock, to the microsecond."""
    asked = _asked("model=x", "trainer.lr=1,2")
    assert (asked.by, asked.promote, asked.resumes) == ((By.accuracy,), Promote.none, False)
    told = asked.directory.relative_to(Path.cwd()).as_posix()
    assert re.fullmatch(r"multirun/\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d-\d{6}", told)


def test_settings_are_read() -> None:
    """The directory of a sweep to go on with is that of the sweep."""
    asked = _asked("sweep.by=seconds", "sweep.promote=best", "sweep.resume=there")
    assert asked == Settings(
        directory=Path("there").absolute(), resumes=True, by=(By.seconds,), promote=Promote.best
    )


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("sweep.promote=worst", "sweep.promote: is worst; .* none, best"),
        ("sweep.promote=null", "sweep.promote: is null; .* none, best"),
        ("sweep.promote=none,best", "sweep.promote: has several values"),
        ("sweep.by=[accuracy,speed]", "sweep.by: is speed; .* accuracy, train_loss, .*seconds"),
        ("sweep.by=[p99_ms,p99_ms]", r"sweep.by: is \[p99_ms,p99_ms\]. Remedy: .* once"),
        ("sweep.by=[]", r"sweep.by: is \[\]"),
        ("sweep.by=accuracy,p99_ms", r"sweep.by: has several .* sweep.by=\[accuracy,p99_ms\]"),
        ("sweep.by=speed", "sweep.by: is speed; .* accuracy, train_loss, .*seconds"),
        ("sweep.resume=''", "sweep.resume: is empty"),
        ("sweep.resume=a,b", "sweep.resume: has several values"),
        ("hydra.sweep.dir=${hydra.job.num}", "hydra.sweep.dir: .* not known before the jobs"),
    ],
)
def test_other_values_are_refused(override: str, told: str) -> None:
    """With the choices that there are."""
    with pytest.raises(SpecError, match=told):
        _asked(override)


def test_a_sweep_goes_on_in_its_own_directory_only() -> None:
    """The same one may be named twice."""
    assert _asked("sweep.resume=there", "hydra.sweep.dir=there").directory.name == "there"
    with pytest.raises(SpecError, match=r"hydra\.sweep\.dir: is here"):
        _asked("sweep.resume=there", "hydra.sweep.dir=here")


def test_the_users_own_directory_may_hold_the_time() -> None:
    """And the working directory: both are known before the jobs are."""
    asked = _asked("hydra.sweep.dir='${hydra.runtime.cwd}/out/${now:%Y}'")
    assert re.fullmatch(rf"{re.escape(str(Path.cwd()))}/out/\d{{4}}", str(asked.directory))


def test_settings_are_no_overrides_of_jobs() -> None:
    """However they are written."""
    assert all(map(is_setting, ["sweep.by=seconds", "++sweep.by=seconds", "sweep.swept=['a']"]))
    assert not any(map(is_setting, ["model=x", "hydra.sweep.dir=x", "trainer.lr=1"]))


def test_several_figures_have_no_best_to_promote() -> None:
    """Which one of the front is for the user to say."""
    both = "sweep.by=[accuracy,p99_ms]"
    assert _asked(both).by == (By.accuracy, By.p99_ms)
    with pytest.raises(
        SpecError, match=r"sweep\.promote: is best, .* yours to choose.*leave it out"
    ):
        _asked(both, "sweep.promote=best")


def test_a_search_is_not_resumed() -> None:
    """Other sweepers are."""
    assert _asked("hydra/sweeper=optuna").searches
    assert not _asked("hydra/sweeper=packager", "sweep.resume=there").searches
    with pytest.raises(SpecError, match=r"sweep\.resume: .*sqlite"):
        _asked("hydra/sweeper=optuna", "sweep.resume=there")
