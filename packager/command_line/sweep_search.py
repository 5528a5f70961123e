"""A sweep whose jobs Optuna chooses one after the other, by what those before gave.

Imported only where a sweep asks for it: Optuna is an extra, and takes a second to import.
"""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packager.command_line import hydra_application, sweep_composition, sweep_preflight
from packager.command_line.composition import first_line
from packager.errors import SpecError
from packager.spec.sweeping import told
from packager.sweep import launchers, names, results, sampling
from packager.sweep.leaderboard import figures
from packager.sweep.settings import BY, not_resumed, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.command_line.sweep_preflight import Compose
    from packager.spec.sweeping import By
    from packager.sweep.settings import Settings

PLUGIN = "hydra_plugins.hydra_optuna_sweeper._impl"

Space = Mapping[str, Any]
"""The distribution of Optuna's for each key that is searched."""


def run(
    arguments: Sequence[str],
    asked: Mapping[str, Any],
    *,
    setup: Mapping[str, Any],
    here: bool,
) -> None:
    """Check the ends of every range, then let Optuna's sweeper choose the jobs.

    `asked` is what `hydra.sweeper` says, `setup` what Hydra sets up every sweeper with; `here` says
    that jobs run on this machine.

    Raises:
        SpecError: the search is not one; a job cannot be as it is asked; or no job gave a figure.
    """
    optuna: Any = importlib.import_module("optuna")
    plugin: Any = importlib.import_module(PLUGIN)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger(PLUGIN).setLevel(logging.CRITICAL)  # jobs tell their failures themselves
    sweep = settings(hydra_application.parsed(list(arguments)))
    _require_possible(sweep, asked)
    given = [*(f"{key}={value}" for key, value in (asked["params"] or {}).items()), *arguments]
    space, fixed = _space(given, plugin)
    own = _own(space, trials=asked["n_trials"])
    compose = sweep_composition.composer(setup["hydra_context"].config_loader, setup["config"])
    _check(space, [*fixed, *own], compose, here=here)
    launchers.connect(setup["config"].hydra.launcher)
    directions = ["maximize" if one.higher_is_better else "minimize" for one in sweep.by]
    study = asked["study_name"] or told(sweep.by)
    _require_storage(optuna, asked["storage"], study, directions)
    sampler = asked["sampler"]
    sweeper = plugin.OptunaSweeperImpl(
        # One of a grid is made later, with the values that it takes.
        sampler=sampler if isinstance(sampler, functools.partial) else sampling.Rounded(sampler),
        direction=directions,
        storage=asked["storage"],
        study_name=study,
        n_trials=asked["n_trials"],
        n_jobs=asked["n_jobs"],
        max_failure_rate=1.0,
        search_space=None,
        custom_search_space=None,
        params=None,
    )
    sweeper.setup(**setup)
    try:
        sweeper.sweep([*given, *own])
    except ValueError as error:
        if "No trials are completed" not in str(error):  # what it says at the end of failures only
            raise SpecError(
                f"Optuna refuses: {first_line(error)}",
                where="hydra/sweeper",
                remedy="where a study is kept that had other choices, give another"
                " hydra.sweeper.study_name",
            ) from error
    _require_figures(Path(setup["config"].hydra.sweep.dir), sweep.by)


def _require_possible(sweep: Settings, asked: Mapping[str, Any]) -> None:
    if sweep.resumes:
        raise not_resumed()
    for key in ("n_trials", "n_jobs"):
        if asked[key] < 1:
            raise SpecError(f"is {asked[key]}; expected at least 1", where=f"hydra.sweeper.{key}")


def _space(given: Sequence[str], plugin: Any) -> tuple[Space, list[str]]:
    """Return what is searched, and the overrides that all jobs have.

    Raises:
        SpecError: a range is none of Optuna's, or there is none.
    """
    space: dict[str, Any] = {}
    fixed: dict[str, str] = {}
    for one in given:
        key = one.partition("=")[0]
        try:
            searched, others = plugin.create_params_from_overrides([one])
        except (ValueError, AssertionError, NotImplementedError) as error:
            raise SpecError(
                f"cannot be searched: {first_line(error) if str(error) else one}",
                where=key,
                remedy="write interval(LOW,HIGH), tag(log,interval(LOW,HIGH)) with LOW above 0,"
                " range(START,STOP,STEP) or choice(A,B,...)",
            ) from error
        space |= searched
        fixed |= others
    space = {key: one for key, one in space.items() if key not in fixed}
    if not space:
        raise SpecError(
            "is optuna, and no key has several values to choose from",
            where="hydra/sweeper",
            remedy="give one a range: 'trainer.lr=tag(log,interval(1e-4,1e-1))'",
        )
    return space, [f"{key}={value}" for key, value in fixed.items()]


def _own(space: Space, *, trials: int) -> list[str]:
    """Return what jobs must know of the sweep, which the command line alone does not tell."""
    keys = [key.lstrip("+") for key in space]
    swept = ",".join(f"'{key}'" for key in keys if key not in names.NAMED_BY_THEMSELVES)
    return [f"sweep.swept=[{swept}]", f"sweep.trainings={trials}"]


def _check(space: Space, fixed: Sequence[str], compose: Compose, *, here: bool) -> None:
    """Check jobs at the ends of all ranges, and with each choice.

    Raises:
        PackagerError: some could not run.
    """
    jobs = [
        [*(f"{key}={value}" for key, value in values.items()), *fixed]
        for values in sampling.ends(space)
    ]
    sweep_preflight.run(jobs, compose, here=here, job="trial")


def _require_storage(
    optuna: Any, storage: str | None, study: str, directions: Sequence[str]
) -> None:
    """Check that the study can be kept where it is to be.

    Raises:
        SpecError: it cannot, or what is there is of other figures.
    """
    if storage is None:
        return
    try:
        optuna.create_study(
            storage=storage,
            study_name=study,
            directions=list(directions),
            load_if_exists=True,
        )
    except Exception as error:
        raise SpecError(
            f"cannot keep study '{study}': {type(error).__name__}: {first_line(error)}",
            where="hydra.sweeper.storage",
            remedy="name a file, sqlite:///FILE; where the study has other figures, give another"
            " hydra.sweeper.study_name",
        ) from error


def _require_figures(directory: Path, by: Sequence[By]) -> None:
    """Check that Optuna had something to choose by.

    Raises:
        SpecError: jobs are done, and none has what was asked for.
    """
    done = [one.result for one in results.read_all(directory) if one.result.status == results.DONE]
    if done and all(figures(one, by) is None for one in done):
        raise SpecError(
            f"is {told(by)}, which no job knows that is done: the search was blind",
            where=BY,
            remedy=f"choose of what jobs know: {', '.join(done[0].metrics) or 'seconds'}",
        )
