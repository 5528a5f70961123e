"""One command: help, the list of recipes, a single job, or a sweep of jobs through Hydra."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import hydra
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString

from packager import console, errors_told, schema
from packager.composition import explain, first_line
from packager.errors import EXIT_FINDINGS, EXIT_OK, SpecError
from packager.help import GROUPS, choices
from packager.help import text as help_text
from packager.recipes import recipes, shadowed
from packager.resolve.job import to_spec
from packager.resources import folder
from packager.spec.asking import EvaluateTask, PredictTask, ProfileTask, ServeTask
from packager.spec.job import (
    BuildTask,
    ImagesTask,
    Job,
    PlanTask,
    TaskSpec,
    ValidateTask,
    VersionsTask,
)
from packager.sweep import names, results
from packager.training import ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from omegaconf import DictConfig

    from packager.tasks.summary import Summary

Options = Any
"""What Hydra's own argument parser found."""


def run(arguments: list[str]) -> int:
    """Run one command; return its exit status.

    Raises:
        PackagerError, or Hydra's errors: `__main__` tells both.
    """
    options, unknown = get_args_parser().parse_known_intermixed_args(arguments)
    # Hydra itself wants options first.
    arguments = [*(one for one in arguments if one not in options.overrides), *options.overrides]
    if options.help:
        console.out.print(help_text(), markup=False, end="")
        return EXIT_OK
    if unknown:
        raise SpecError(
            f"there is no option {unknown[0]}",
            where="command line",
            remedy="`python -m packager --help` lists them",
        )
    if _shows_something(options):
        _hydra(arguments, _sweep_job)
        return EXIT_OK
    config_dir = Path(options.config_dir) if options.config_dir else None
    if not ranks.is_main():
        console.silence()
    if not options.overrides and not options.multirun:
        console.out.print(console.recipes_table(recipes(config_dir)))
        return EXIT_OK
    _parsed(options.overrides)
    _report_shadowed(config_dir)
    return _sweep(arguments, options.overrides) if options.multirun else _single(arguments, options)


def _shows_something(options: Options) -> bool:
    """Return whether Hydra is asked to print a configuration rather than to run a job."""
    return bool(options.cfg or options.info or options.hydra_help or options.shell_completion)


def _report_shadowed(config_dir: Path | None) -> None:
    for path in shadowed(config_dir) if config_dir else ():
        console.err.print(f"[yellow]ignored:[/] {path}: a shipped file has its name; rename it")


def _single(arguments: list[str], options: Options) -> int:
    at_once = _composed_once(options)
    if at_once is not None:
        run_task(at_once)
        return EXIT_OK
    failures: list[Exception] = []

    def job(config: DictConfig) -> None:
        try:
            run_task(to_spec(config))
        except Exception as error:  # noqa: BLE001  Hydra prints a line of its own for what it sees
            failures.append(error)

    _hydra(arguments, job)
    if failures:
        raise failures[0]
    return EXIT_OK


def _composed_once(options: Options) -> Job | None:
    """Return the job without Hydra's application, which composes twice: to know its mode first.

    None where something is asked of Hydra itself, or is wrong: its application tells that best.
    """
    directory = options.config_dir and Path(options.config_dir).absolute()
    asked = [one for one in options.overrides if one.lstrip("+~").startswith("hydra")]
    if (
        asked
        or options.config_name
        or options.config_path
        or (directory and not directory.is_dir())
    ):
        return None
    schema.register()
    search = [f"hydra.searchpath=[{_quoted(f'file://{directory}')}]"] if directory else []
    try:
        with initialize_config_dir(str(folder("conf")), version_base="1.3"):
            return to_spec(compose("config", overrides=[*options.overrides, *search]))
    except Exception:  # noqa: BLE001  the same is composed again, and its error told
        return None


def _sweep(arguments: list[str], overrides: list[str]) -> int:
    """Run every job; print one table of all, whatever became of them."""
    if ranks.size() > 1:
        raise SpecError(
            "several processes train one model together, and a sweep trains several",
            where="command line",
            remedy="leave out -m or torchrun",
        )
    given = {override.key_or_group for override in _parsed(overrides)}
    if not given & {"model", "name", "task"}:
        raise SpecError(
            "a sweep needs a recipe",
            where="model",
            remedy="choose one or more, for example model=fashion_cnn,mnist_cnn",
        )
    directory = _sweep_directory(overrides)
    keys = ",".join(f"'{key}'" for key in names.swept_keys(overrides))
    try:
        _hydra(
            [*arguments, f"hydra.sweep.dir={_quoted(directory)}", f"sweep.swept=[{keys}]"],
            _sweep_job,
        )
    finally:
        found = results.read_all(directory)
        if found:
            console.out.print(console.results_table(found))
            console.print_failures(found)
            console.out.print(f"results: {directory}")
    return EXIT_OK if all(result.status == results.DONE for result in found) else EXIT_FINDINGS


def _parsed(overrides: list[str]) -> list[Override]:
    """Parse a command's overrides.

    Raises:
        SpecError: a group is set to null; each needs a choice.
    """
    parsed = OverridesParser.create().parse_overrides(overrides)
    for override in parsed:
        if (
            override.key_or_group in GROUPS
            and override.value() is None
            and not override.is_delete()
        ):
            raise SpecError(
                "is null; this group needs a choice",
                where=override.key_or_group,
                remedy=f"choose one of {', '.join(choices(override.key_or_group))}",
            )
    return parsed


def _quoted(text: str | Path) -> str:
    return QuotedString(text=str(text), quote=Quote.single).with_quotes()


def _sweep_directory(overrides: list[str]) -> Path:
    """Return the directory of this sweep: the user's own choice, or a new one by the clock."""
    for override in _parsed(overrides):
        if override.key_or_group == "hydra.sweep.dir":
            return Path(str(override.value())).absolute()
    return Path("multirun", f"{datetime.now(UTC).astimezone():%Y-%m-%d/%H-%M-%S-%f}").absolute()


def _hydra(arguments: list[str], job: Callable[[DictConfig], None]) -> None:
    """Hand over to Hydra, which composes the configuration and calls `job`."""
    schema.register()
    sys.argv[1:] = arguments
    main = hydra.main(config_path=str(folder("conf")), config_name="config", version_base="1.3")
    try:
        main(job)()
    except OSError:
        raise
    except Exception as error:
        # Jobs keep their own errors: this is one of composing them.
        raise explain(error, composing=True) or SpecError(
            f"cannot be composed: {type(error).__name__}: {first_line(error)}",
            where="configuration",
            remedy="look at the YAML files that were changed last",
        ) from error


def _sweep_job(config: DictConfig) -> None:
    """Run one job of a sweep; its failure is told and recorded, and does not end the others."""
    runtime = HydraConfig.get()
    directory, overrides = Path(runtime.runtime.output_dir), list(runtime.overrides.task)
    shown = tuple(text for text in overrides if not text.startswith("sweep.swept="))
    result = results.Result(overrides=shown, status=results.RUNNING)
    console.err.rule(" ".join(shown))
    results.write(directory, result)
    try:
        job = to_spec(config, name_suffix=names.suffix(list(config.sweep.swept), overrides))
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


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM while torch is imported: its C++ parts abort on exceptions."""
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


TASKS: Mapping[type[TaskSpec], str] = MappingProxyType(
    {
        PlanTask: "plan",
        ServeTask: "serve",
        EvaluateTask: "evaluate",
        PredictTask: "predict",
        ProfileTask: "profile",
        ImagesTask: "images",
        ValidateTask: "validate",
        VersionsTask: "versions",
    }
)
"""Each task's module in `packager.tasks`, but for the build."""


def run_task(job: Job) -> Summary | None:
    """Run the job's task; a build returns what it published.

    Tasks are imported when they run: most need torch, which takes seconds to import.
    """
    if isinstance(job.task, BuildTask):
        return _build(job)
    with _signals_held():
        task = importlib.import_module(f"packager.tasks.{TASKS[type(job.task)]}")
    task.run(job, job.task)
    return None


def _build(job: Job) -> Summary | None:
    from packager.tasks import unchanged  # noqa: PLC0415

    summary = unchanged.unchanged(job)
    if summary is not None:
        unchanged.tell(job, summary)
        return summary
    if ranks.is_main():
        from packager.tasks import preflight  # noqa: PLC0415

        preflight.run(job)
    with _signals_held():
        from packager.tasks import build  # noqa: PLC0415

    return build.run(job)
