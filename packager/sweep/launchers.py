"""Hydra's launchers, as sweeps use them: what each needs, and how a host's threads are divided."""

from __future__ import annotations

import math
import os
import re
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import ValueType

from packager.errors import UnavailableError
from packager.sweep import ray_engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from hydra.core.override_parser.types import Override

EXTRAS: Mapping[str, str] = {
    "joblib": "joblib",
    "submitit_local": "submitit",
    "submitit_slurm": "submitit",
    "ray": "ray",
}
"""The extra that brings each launcher."""

COUNTED = {ValueType.CHOICE_SWEEP, ValueType.SIMPLE_CHOICE_SWEEP, ValueType.RANGE_SWEEP}
"""Sweeps of a key that say themselves how many values they have."""

AFTER_TRAINING = {"serving", "export", "server", "repository"}
"""Keys and groups whose values no training depends on."""

ENGINES = "hydra_plugins."
"""Where Hydra asks every launcher and sweeper of others to be."""


class LauncherError(UnavailableError):
    """A launcher gave up: a process of the sweep was killed, or its engine cannot be had."""


def missing(name: str) -> UnavailableError:
    """Return the error of a launcher that is not installed."""
    return UnavailableError(
        f"'{name}' is not installed",
        where="hydra/launcher",
        remedy=f'pip install "packager[{EXTRAS[name]}]"',
    )


def settle() -> None:
    """Set what engines read from the environment; before they are imported."""
    ray_engine.settle()
    # Optuna 2 needs SQLAlchemy 1, which says at every start that there is a later one.
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")


def connect(launcher: Mapping[str, Any]) -> None:
    """Connect to a launcher's engine, if it has one.

    Raises:
        UnavailableError: nobody answers where it is said to be.
    """
    if is_rays(launcher):
        ray_engine.connect(launcher["ray"]["init"])


def gave_up(error: Exception) -> LauncherError | None:
    """Return what a launcher gave up for, None where the error comes from elsewhere."""
    if not _passed_through_an_engine(error.__traceback__):
        return None
    lines = str(error).strip().splitlines() or [""]
    return LauncherError(
        f"the launcher gave up: {type(error).__name__}: {lines[0].rstrip('.')}",
        where="hydra/launcher",
        remedy=_remedy(error),
    )


def _remedy(error: Exception) -> str:
    if isinstance(error, ConnectionError):
        return ray_engine.START
    if "AF_UNIX path" in str(error):  # Ray's, of its sockets in TMPDIR
        return "give Ray a directory with a short path: RAY_TMPDIR=/tmp"
    return (
        "jobs that are told as killed or are not in the table have to be run again; where memory"
        " was short, run fewer at once"
    )


def _passed_through_an_engine(trace: TracebackType | None) -> bool:
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__", "")).startswith(ENGINES):
            return True
        trace = trace.tb_next
    return False


def is_the_commands_own(launcher: Mapping[str, Any]) -> bool:
    """Say whether jobs run one after the other in the process of the command."""
    return _kind(launcher) == "BasicLauncher"


def is_rays(launcher: Mapping[str, Any]) -> bool:
    """Say whether Ray runs the jobs."""
    return _kind(launcher) == "RayLauncher"


def trainings_of(overrides: Sequence[Override]) -> int | None:
    """Return how many trainings a command's jobs need; None where only the sweeper knows.

    Of jobs that differ only in what comes after it one trains, and the others wait.
    """
    swept = [
        one
        for one in overrides
        if one.is_sweep_override() and re.split(r"[./@]", one.key_or_group)[0] not in AFTER_TRAINING
    ]
    if any(one.value_type not in COUNTED for one in swept) or any(
        one.key_or_group.startswith("hydra.sweeper.params") for one in overrides
    ):
        return None
    return math.prod(sum(1 for _ in one.sweep_iterator()) for one in swept)


def threads_each(
    launcher: Mapping[str, Any], sweeper: Mapping[str, Any], *, trainings: int | None, cores: int
) -> int:
    """Return the threads of each job, so that those that train at once do not fight for its cores.

    Of one sweep all jobs have the same number, also where only some of them are run again: it
    decides, to the last bit, what is trained.
    """
    asked = _cores_asked(launcher)
    if asked is not None:
        return max(1, min(cores, int(asked)))
    # Optuna's sweeper gives its launcher `n_jobs` at a time, Hydra's own `max_batch_size` at most.
    limits = (trainings, sweeper.get("max_batch_size"), sweeper.get("n_jobs"))
    at_once = min([_workers(launcher, cores), *(limit for limit in limits if limit)])
    return max(1, cores // at_once)


def _cores_asked(launcher: Mapping[str, Any]) -> float | None:
    """Return the cores that the launcher asks its engine for, a job; None where it does not say."""
    asked: float | None = None
    match _kind(launcher):
        case "LocalLauncher" | "SlurmLauncher":
            asked = launcher["cpus_per_task"]
        case "RayLauncher":
            asked = launcher["ray"]["remote"].get("num_cpus", 1)
    return asked


def _workers(launcher: Mapping[str, Any], cores: int) -> int:
    """Return the most jobs that run at once on a host, though there be more."""
    match _kind(launcher):
        case "JoblibLauncher":
            count = int(launcher["n_jobs"])
            return max(1, count if count > 0 else cores + 1 + count)
        case "LocalLauncher":
            return cores  # it starts all: more than there are cores get a thread each
        case _:
            return 1  # one process, or what a cluster confines to its share of a host


def _kind(launcher: Mapping[str, Any]) -> str:
    return str(launcher["_target_"]).rpartition(".")[2]
