"""A sweep: every job of one command through Hydra, and what became of each."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig

from packager import console, errors_told, hydra_application, sweep_worker
from packager.errors import EXIT_FINDINGS, EXIT_OK, SpecError
from packager.hydra_application import parsed, quoted
from packager.resolve.job import to_spec
from packager.sweep import launchers, names, processes, results
from packager.tasks.dispatch import run_task
from packager.training import ranks

if TYPE_CHECKING:
    from omegaconf import DictConfig

OURS = ("sweep.swept=", "sweep.jobs=")
"""How overrides begin that `run` adds."""


def run(arguments: list[str], overrides: list[str]) -> int:
    """Run every job; print one table of all, whatever became of them."""
    if ranks.size() > 1:
        raise SpecError(
            "several processes train one model together, and a sweep trains several",
            where="command line",
            remedy="leave out -m or torchrun",
        )
    given = {override.key_or_group for override in parsed(overrides)}
    if not given & {"model", "name", "task"}:
        raise SpecError(
            "a sweep needs a recipe",
            where="model",
            remedy="choose one or more, for example model=fashion_cnn,mnist_cnn",
        )
    directory = _sweep_directory(overrides)
    jobs = launchers.jobs_of(parsed(overrides))
    launchers.quiet()
    keys = ",".join(f"'{key}'" for key in names.swept_keys(overrides))
    ours = [
        f"hydra.sweep.dir={quoted(directory)}",
        f"sweep.swept=[{keys}]",
        f"sweep.jobs={jobs or 'null'}",
    ]
    gave_up = False
    try:
        with processes.ended_first():
            hydra_application.run([*arguments, *ours], _work)
    except launchers.LauncherError as error:
        if not results.read_all(directory):
            raise
        console.print_error(str(error))
        gave_up = True
    finally:
        found = results.read_all(directory)
        if found:
            console.out.print(console.results_table(found))
            console.print_failures(found)
            console.out.print(f"results: {directory}")
    if gave_up or any(result.status != results.DONE for result in found):
        return EXIT_FINDINGS
    return EXIT_OK


def _work(config: DictConfig) -> None:
    """Run one job in the process that the launcher chose."""
    with sweep_worker.working(HydraConfig.get(), jobs=config.sweep.jobs):
        run_job(config)


def run_job(config: DictConfig) -> None:
    """Run one job of a sweep; its failure is told and recorded, and does not end the others."""
    runtime = HydraConfig.get()
    directory, overrides = Path(runtime.runtime.output_dir), list(runtime.overrides.task)
    shown = tuple(text for text in overrides if not text.startswith(OURS))
    result = results.Result(overrides=shown, status=results.RUNNING)
    console.err.rule(" ".join(shown))
    results.write(directory, result)
    try:
        sweep_worker.enter(runtime)
        job = to_spec(config, name_suffix=names.suffix(list(config.sweep.swept), overrides))
        job = sweep_worker.divided(job, runtime, jobs=config.sweep.jobs)
        if job.recipe is not None:
            result = dataclasses.replace(result, name=job.recipe.name)
        built = run_task(job)
        if built is not None:
            result = dataclasses.replace(
                result, version=built.version, test_accuracy=built.test_accuracy
            )
        result = dataclasses.replace(result, status=results.DONE)
    except Exception as error:  # noqa: BLE001  whatever it is, the other jobs go on
        told = errors_told.report(error, debug=bool(config.debug))
        result = dataclasses.replace(result, status=results.FAILED, error=str(told))
    results.write(directory, result)


def _sweep_directory(overrides: list[str]) -> Path:
    """Return the directory of this sweep: the user's own choice, or a new one by the clock."""
    for override in parsed(overrides):
        if override.key_or_group == "hydra.sweep.dir":
            return Path(str(override.value())).absolute()
    return Path("multirun", f"{datetime.now(UTC).astimezone():%Y-%m-%d/%H-%M-%S-%f}").absolute()
