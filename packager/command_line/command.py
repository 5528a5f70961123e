"""One command: help, the list of recipes, a single job, or a sweep of jobs through Hydra."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hydra._internal.utils import get_args_parser

from packager import console
from packager.command_line import hydra_application, sweep_command
from packager.command_line.help import text as help_text
from packager.errors import EXIT_OK, SpecError
from packager.recipes import recipes, shadowed
from packager.sweep.settings import refuse_outside_sweeps
from packager.tasks.dispatch import run_task
from packager.training import ranks

if TYPE_CHECKING:
    from packager.command_line.hydra_application import Options


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
    if _shows_something(options) and not options.multirun:
        hydra_application.run(arguments, sweep_command.run_job)
        return EXIT_OK
    config_dir = Path(options.config_dir) if options.config_dir else None
    if not ranks.is_main():
        console.silence()
    if not options.overrides and not options.multirun:
        console.out.print(console.recipes_table(recipes(config_dir)))
        return EXIT_OK
    overrides = hydra_application.parsed(options.overrides)
    _report_shadowed(config_dir)
    if options.multirun:
        return sweep_command.run(arguments, options)
    refuse_outside_sweeps(overrides)
    hydra_application.single(arguments, options, run_task)
    return EXIT_OK


def _shows_something(options: Options) -> bool:
    """Return whether Hydra is asked to print a configuration rather than to run a job."""
    return bool(options.cfg or options.info or options.hydra_help or options.shell_completion)


def _report_shadowed(config_dir: Path | None) -> None:
    for path in shadowed(config_dir) if config_dir else ():
        console.err.print(f"[yellow]ignored:[/] {path}: a shipped file has its name; rename it")
