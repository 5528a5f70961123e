"""One command: help, the list of recipes, a single job, or a sweep of jobs through Hydra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hydra._internal.utils import get_args_parser

from packager import console, hydra_application, sweep_command
from packager.errors import EXIT_OK, SpecError
from packager.help import text as help_text
from packager.recipes import recipes, shadowed
from packager.resolve.job import to_spec
from packager.tasks.dispatch import run_task
from packager.training import ranks

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from packager.hydra_application import Options


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
        hydra_application.run(arguments, sweep_command.run_job)
        return EXIT_OK
    config_dir = Path(options.config_dir) if options.config_dir else None
    if not ranks.is_main():
        console.silence()
    if not options.overrides and not options.multirun:
        console.out.print(console.recipes_table(recipes(config_dir)))
        return EXIT_OK
    hydra_application.parsed(options.overrides)
    _report_shadowed(config_dir)
    if options.multirun:
        return sweep_command.run(arguments, options.overrides)
    return _single(arguments, options)


def _shows_something(options: Options) -> bool:
    """Return whether Hydra is asked to print a configuration rather than to run a job."""
    return bool(options.cfg or options.info or options.hydra_help or options.shell_completion)


def _report_shadowed(config_dir: Path | None) -> None:
    for path in shadowed(config_dir) if config_dir else ():
        console.err.print(f"[yellow]ignored:[/] {path}: a shipped file has its name; rename it")


def _single(arguments: list[str], options: Options) -> int:
    at_once = hydra_application.composed_once(options)
    if at_once is not None:
        run_task(at_once)
        return EXIT_OK
    failures: list[Exception] = []

    def job(config: DictConfig) -> None:
        try:
            run_task(to_spec(config))
        except Exception as error:  # noqa: BLE001  Hydra prints a line of its own for what it sees
            failures.append(error)

    hydra_application.run(arguments, job)
    if failures:
        raise failures[0]
    return EXIT_OK
