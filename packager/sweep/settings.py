"""What a command asks of its sweep as a whole: the `sweep.*` overrides, and the directory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hydra.core.utils import setup_globals
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from packager.errors import SpecError
from packager.spec.sweeping import By, Promote, objectives, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hydra.core.override_parser.types import Override

PREFIX = "sweep."
BY = f"{PREFIX}by"
SWEEP_DIR, SUBDIR = "hydra.sweep.dir", "hydra.sweep.subdir"
SWEEPER, SEARCHING = "hydra/sweeper", "optuna"
"""The group of sweepers, and the choice that searches."""

Choice = TypeVar("Choice", bound=Enum)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What is asked of a sweep; `directory` is absolute, and `resumes` where it is an earlier's.

    `searches` says that each job is chosen by what those before gave.
    """

    directory: Path
    resumes: bool = False
    searches: bool = False
    by: tuple[By, ...] = (By.accuracy,)
    promote: Promote = Promote.none


def settings(overrides: Sequence[Override]) -> Settings:
    """Return what the overrides ask of their sweep.

    Raises:
        SpecError: there is no such choice, or two directories are given.
    """
    given = {override.key_or_group: override for override in overrides}
    resumed = _text(given.get(f"{PREFIX}resume"))
    chosen = _text(given.get(SWEEP_DIR))
    directory = _directory(chosen) if resumed is None else Path(resumed).expanduser().absolute()
    if resumed is not None and chosen is not None and _directory(chosen) != directory:
        raise SpecError(
            f"is {chosen}, and a sweep goes on in its own directory",
            where=SWEEP_DIR,
            remedy=f"leave it out, or leave out {PREFIX}resume",
        )
    folder = _text(given.get(SUBDIR))
    if folder is not None and "${" not in folder:
        raise SpecError(
            f"is {folder} for every job, and each needs a folder of its own",
            where=SUBDIR,
            remedy="leave it out, or name ${hydra:job.num} in it",
        )
    by, promote = _by(given.get(BY)), _choice(given.get(f"{PREFIX}promote"), Promote.none)
    if promote is Promote.best and len(by) > 1:
        raise SpecError(
            f"is best, and by {told(by)} together no one job is: which one of the Pareto front is"
            " yours to choose",
            where=f"{PREFIX}promote",
            remedy=f"leave it out, and every model is published under a name of its own; or give"
            f" {BY} one figure",
        )
    searches = _text(given.get(SWEEPER)) == SEARCHING
    if searches and resumed is not None:
        raise not_resumed()
    return Settings(
        directory=directory,
        resumes=resumed is not None,
        searches=searches,
        by=by,
        promote=promote,
    )


def not_resumed() -> SpecError:
    """Return the error of a search that is to go on where it was broken off."""
    return SpecError(
        "is given, and which jobs Optuna chooses follows from all before: they would be others",
        where=f"{PREFIX}resume",
        remedy="start a new sweep; with hydra.sweeper.storage=sqlite:///FILE each one goes on from"
        " what those before have found, and what was built is reused",
    )


def refuse_outside_sweeps(overrides: Sequence[Override]) -> None:
    """Check that a single job is asked nothing of a sweep.

    Raises:
        SpecError: it is.
    """
    for override in overrides:
        if override.key_or_group.startswith(PREFIX):
            raise SpecError(
                "is for sweeps", where=override.key_or_group, remedy="write -m, or leave it out"
            )


def is_setting(override: str) -> bool:
    """Say whether an override is about the sweep and not about its jobs."""
    return override.lstrip("+~").startswith(PREFIX)


def _text(override: Override | None) -> str | None:
    """Return an override's one value; None where it is not given, or null.

    Raises:
        SpecError: it has several, or is empty.
    """
    if override is None or override.value() is None:
        return None
    if override.is_sweep_override() or not str(override.value()):
        raise SpecError(
            "is empty" if not override.is_sweep_override() else "has several values",
            where=override.key_or_group,
            remedy="give it one value",
        )
    return str(override.value())


def _by(override: Override | None) -> tuple[By, ...]:
    if override is None:
        return (By.accuracy,)
    if override.is_sweep_override():
        raise SpecError(
            "has several values",
            where=BY,
            remedy=f"give it one, or a list: {BY}=[accuracy,p99_ms]",
        )
    return objectives(override.value(), where=BY)


def _choice(override: Override | None, default: Choice) -> Choice:
    text = _text(override)
    choices = [one.value for one in type(default)]
    if override is None:
        return default
    if text not in choices:
        raise SpecError(
            f"is {text or 'null'}; there is no such choice",
            where=override.key_or_group,
            remedy=f"choose one of {', '.join(choices)}",
        )
    return type(default)(text)


def _directory(chosen: str | None) -> Path:
    """Return the sweep's directory: the user's own choice, or a new one by the clock.

    Raises:
        SpecError: it depends on what only a job knows.
    """
    if chosen is None:
        now = datetime.now(UTC).astimezone()
        return Path("multirun", f"{now:%Y-%m-%d/%H-%M-%S-%f}").absolute()
    setup_globals()  # for ${now:...}
    known = {"dir": chosen, "hydra": {"runtime": {"cwd": str(Path.cwd())}}}
    try:
        return Path(str(OmegaConf.create(known).dir)).expanduser().absolute()
    except OmegaConfBaseException as error:
        raise SpecError(
            f"is {chosen}, which is not known before the jobs are",
            where=SWEEP_DIR,
            remedy="name a directory; ${now:%Y-%m-%d} and ${hydra.runtime.cwd} may be part of it",
        ) from error
