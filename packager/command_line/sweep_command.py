"""A sweep: every job of one command through Hydra, and what became of each."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig

from packager import console
from packager.command_line import hydra_application, sweep_worker
from packager.command_line.hydra_application import parsed, quoted
from packager.command_line.sweep_job import compared_by, only_builds, sweep_job
from packager.command_line.sweep_recorder import Recorder
from packager.errors import EXIT_FINDINGS, EXIT_OK, FindingsError, SpecError, UnavailableError
from packager.spec.sweeping import Promote
from packager.spec.sweeping import told as told_by
from packager.sweep import directory as sweep_directory
from packager.sweep import launchers, names, processes, results
from packager.sweep.leaderboard import figures as figures_of
from packager.sweep.settings import BY, SWEEP_DIR, Settings, is_setting, settings
from packager.tasks import leaderboard
from packager.tasks.dispatch import run_task
from packager.training import ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hydra.core.override_parser.types import Override
    from omegaconf import DictConfig

    from packager.command_line.hydra_application import Options
    from packager.spec.job import Job
    from packager.sweep.leaderboard import Leaderboard

TABLES = {"text", "table"}
"""Formats of tasks that are read by people."""


def run(arguments: list[str], options: Options) -> int:
    """Run every job; print one table of all, whatever became of them."""
    if ranks.size() > 1:
        raise SpecError(
            "several processes train one model together, and a sweep trains several",
            where="command line",
            remedy="leave out -m or torchrun",
        )
    if options.cfg or options.info:
        raise SpecError(
            "shows one configuration, and a sweep has several",
            where="command line",
            remedy="leave out -m, and give each key one value",
        )
    overrides = parsed(options.overrides)
    _require_recipe(overrides)
    _require_values(overrides)
    asked = settings(overrides)
    _require_builds(asked, overrides)
    if asked.resumes:
        sweep_directory.require_same(asked.directory, options.overrides)
    with sweep_directory.claimed(asked):
        try:
            ours = _arguments(options.overrides, asked, trainings=launchers.trainings_of(overrides))
            gave_up = _run_jobs([*arguments, *ours], asked.directory)
            if asked.promote is Promote.best:
                _promote(leaderboard.made(asked.directory, asked.by), options, asked)
        finally:
            board = _tell(asked, overrides)
    if not board.rows:
        raise UnavailableError(
            f"no job left a result in {asked.directory}",
            where="hydra.sweep.subdir",
            remedy="let each job have one folder in the sweep's: leave the key out",
        )
    return EXIT_OK if board.is_done and not gave_up else EXIT_FINDINGS


def _run_jobs(arguments: list[str], directory: Path) -> bool:
    """Run the jobs through Hydra; return whether the launcher gave up in the midst of them.

    Raises:
        PackagerError: the configuration is wrong, or the launcher gave up before any job began.
    """
    launchers.settle()
    try:
        with processes.ended_first():
            hydra_application.run(arguments, _work)
    except launchers.LauncherError as error:
        if not results.read_all(directory):
            raise
        console.print_error(str(error))
        return True
    return False


def _work(config: DictConfig) -> float | tuple[float, ...] | None:
    """Run one job in the process that the launcher chose.

    What it is compared by goes back to the sweeper, for one that chooses jobs by that; None says
    that the job failed, or knows no such figure.
    """
    hydra = HydraConfig.get()
    with sweep_worker.working(hydra, trainings=config.sweep.trainings):
        run_job(config)
    result = results.read(Path(hydra.runtime.output_dir))
    figures = None if result is None else figures_of(result, compared_by(config))
    return figures[0] if figures and len(figures) == 1 else figures


def run_job(config: DictConfig) -> None:
    """Run one job of a sweep; its failure is told and recorded, and does not end the others."""
    runtime = HydraConfig.get()
    directory, overrides = Path(runtime.runtime.output_dir), list(runtime.overrides.task)
    shown = tuple(text for text in overrides if not is_setting(text))
    own = {*config.sweep.swept, *names.NAMED_BY_THEMSELVES}
    console.err.rule(" ".join(one for one in shown if own & {*names.values([one])}))
    with results.owned(directory):
        before = results.read(directory) if config.sweep.resume is not None else None
        if before is not None:
            sweep_directory.require_same_job(directory, before, shown)
        recorder = Recorder(directory, results.Result(overrides=shown, status=results.RUNNING))
        try:
            sweep_worker.enter(runtime)
            job = sweep_worker.divided(
                sweep_job(config, overrides), runtime, trainings=config.sweep.trainings
            )
            if before is not None and sweep_directory.stands(before, job):
                console.err.print(f"done before, at {before.ended}: its result stands")
                return
            recorder.begin(job)
            recorder.end(run_task(job))
        except Exception as error:  # noqa: BLE001  whatever it is, the other jobs go on
            recorder.fail(error, debug=bool(config.debug))
        except BaseException:
            recorder.interrupt()
            raise


def _promote(board: Leaderboard, options: Options, asked: Settings) -> None:
    """Publish the best job's model under its recipe's own name, by a build that reuses its stages.

    Raises:
        FindingsError: no job has what they are compared by.
        UnavailableError: some jobs came to no end, so that the best is not known.
        SpecError, ProofError, UnavailableError: as a build does.
    """
    winner = board.winner
    if winner is None:
        raise FindingsError(
            f"no job is done with {told_by(board.by)}: nothing is published",
            where="sweep.promote",
            remedy=f"give {BY} a figure that jobs have, or correct what made them fail",
        )
    if not board.is_whole:
        raise UnavailableError(
            "some jobs came to no end, and one of them may be the best: nothing is published",
            where="sweep.promote",
            remedy="start the search again; what was built is reused"
            if asked.searches
            else f"go on with sweep.resume={asked.directory}",
        )
    swept = " ".join(f"{key}={value}" for key, value in winner.swept.items())
    console.err.rule(f"publish the best by {told_by(board.by)}: {swept}")
    summary = hydra_application.single(
        *_single(options, winner.result.overrides),
        lambda job: run_task(_with_threads(job, winner.result.threads)),
    )
    if summary is not None:
        promoted = dataclasses.replace(
            winner.result,
            version=summary.version,
            name=summary.name,
            identity=summary.identity,
            promoted=True,
        )
        results.write(winner.directory, promoted)


def _with_threads(job: Job, threads: int | None) -> Job:
    """Return the job with the threads that it had beside others: with more it would train anew."""
    recipe = job.require_recipe()
    trainer = dataclasses.replace(recipe.trainer, threads=recipe.trainer.threads or threads)
    return dataclasses.replace(job, recipe=dataclasses.replace(recipe, trainer=trainer))


def _single(options: Options, overrides: Sequence[str]) -> tuple[list[str], Options]:
    """Return the command line that runs one job of a sweep alone, and what is parsed of it."""
    single = copy.copy(options)
    hydras = [one for one in options.overrides if one.lstrip("+~").startswith("hydra")]
    kept = [one for one in hydras if not one.lstrip("+~").startswith("hydra.mode")]
    single.overrides, single.multirun = [*overrides, *kept], False
    given = {
        "--config-path": options.config_path,
        "--config-name": options.config_name,
        "--config-dir": options.config_dir,
    }
    chosen = [text for name, value in given.items() if value for text in (name, value)]
    return [*chosen, *single.overrides], single


def _tell(asked: Settings, overrides: list[Override]) -> Leaderboard:
    """Print the table and write it; beside answers that programs read it goes to stderr."""
    board = leaderboard.made(asked.directory, asked.by)
    if not board.rows:
        return board
    is_read = any(
        one.key_or_group == "task.format" and not _values(one) <= TABLES for one in overrides
    )
    to = console.err if is_read else console.out
    leaderboard.tell(board, to=to)
    leaderboard.write(board, asked.directory, where=SWEEP_DIR)
    to.print(f"results: {asked.directory}", markup=False)
    if not board.is_done and not asked.searches:
        console.err.print(
            f"to run again what is not done: the same command with sweep.resume={asked.directory}",
            markup=False,
        )
    return board


def _values(override: Override) -> set[str]:
    """Return an override's values, of which a sweep has several."""
    if override.is_sweep_override():
        return set(override.sweep_string_iterator())
    return {str(override.value())}


def _arguments(overrides: list[str], asked: Settings, *, trainings: int | None) -> list[str]:
    """Return overrides of our own: the sweep's directory, and what jobs must know of it."""
    keys = ",".join(f"'{key}'" for key in names.swept_keys(overrides))
    return [
        f"{SWEEP_DIR}={quoted(asked.directory)}",
        f"{BY}=[{','.join(one.value for one in asked.by)}]",
        f"sweep.promote={asked.promote.value}",
        f"sweep.resume={quoted(asked.directory) if asked.resumes else 'null'}",
        f"sweep.swept=[{keys}]",
        f"sweep.trainings={trainings or 'null'}",
    ]


def _require_recipe(overrides: list[Override]) -> None:
    if not {override.key_or_group for override in overrides} & {"model", "name", "task"}:
        raise SpecError(
            "a sweep needs a recipe",
            where="model",
            remedy="choose one or more, for example model=fashion_cnn,mnist_cnn",
        )


def _require_values(overrides: list[Override]) -> None:
    """Check that each key that is swept has a value; which files a pattern finds Hydra knows."""
    for override in overrides:
        if override.value_type not in launchers.COUNTED:
            continue
        try:
            has_value = any(True for _ in override.sweep_iterator())
        except ValueError:  # a step of 0
            has_value = False
        if not has_value:
            raise SpecError(
                f"has no value: {override.input_line}",
                where=override.key_or_group,
                remedy="a range is range(START,STOP,STEP), without STOP",
            )


def _require_builds(asked: Settings, overrides: list[Override]) -> None:
    if asked.promote is Promote.best and any(
        one.key_or_group == "task" and _values(one) != {"build"} for one in overrides
    ):
        raise only_builds()
