"""Hydra, as packager runs it: overrides read, a configuration composed, an application started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString

from packager import schema
from packager.command_line.composition import explain, first_line
from packager.command_line.help import GROUPS, choices
from packager.errors import PackagerError, SpecError, UnavailableError
from packager.resolve.job import to_spec
from packager.resources import folder
from packager.sweep.launchers import gave_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from omegaconf import DictConfig

    from packager.spec.job import Job

Options = Any
"""What Hydra's own argument parser found."""

Found = TypeVar("Found")


def parsed(overrides: list[str]) -> list[Override]:
    """Parse a command's overrides.

    Raises:
        SpecError: a group is set to null; each needs a choice.
    """
    found = OverridesParser.create().parse_overrides(overrides)
    for override in found:
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
    return found


def composed_once(options: Options) -> Job | None:
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
    search = [f"hydra.searchpath=[{quoted(f'file://{directory}')}]"] if directory else []
    try:
        with initialize_config_dir(str(folder("conf")), version_base="1.3"):
            return to_spec(compose("config", overrides=[*options.overrides, *search]))
    except Exception:  # noqa: BLE001  the same is composed again, and its error told
        return None


def single(arguments: list[str], options: Options, run_task: Callable[[Job], Found]) -> Found:
    """Run the one job of a command, and return what came of it.

    Raises:
        PackagerError, or Hydra's errors: as composing and the task do.
    """
    at_once = composed_once(options)
    if at_once is not None:
        return run_task(at_once)
    found: list[Found] = []
    failures: list[Exception] = []

    def job(config: DictConfig) -> None:
        try:
            found.append(run_task(to_spec(config)))
        except Exception as error:  # noqa: BLE001  Hydra prints a line of its own for what it sees
            failures.append(error)

    run(arguments, job)
    if failures:
        raise failures[0]
    return found[0]


def run(arguments: list[str], job: Callable[[DictConfig], object]) -> None:
    """Hand over to Hydra, which composes the configuration and calls `job`."""
    schema.register()
    sys.argv[1:] = arguments
    main = hydra.main(config_path=str(folder("conf")), config_name="config", version_base="1.3")
    try:
        main(job)()
    except PackagerError:
        raise
    except OSError as error:
        # Ray says so where it cannot start, or finds nobody: not of a file, and with no number.
        told = gave_up(error) if error.errno is None else None
        raise told or error from error.__cause__
    except Exception as error:
        # Jobs keep their own errors: this is one of composing or of launching them.
        raise explained(error) from error


def explained(error: Exception) -> PackagerError:
    """Return an error of composing a configuration, or of a launcher, as it is told."""
    if "Unknown plugin class" in str(error):
        return UnavailableError(
            f"Hydra does not find it: {first_line(error)}",
            where="installation",
            remedy="install packager again: pip install .",
        )
    return (
        explain(error, composing=True)
        or gave_up(error)
        or SpecError(
            f"cannot be composed: {type(error).__name__}: {first_line(error)}",
            where="configuration",
            remedy="look at the YAML files that were changed last",
        )
    )


def quoted(text: str | Path) -> str:
    """Return a text as an override's value, whatever is in it."""
    return QuotedString(text=str(text), quote=Quote.single).with_quotes()
