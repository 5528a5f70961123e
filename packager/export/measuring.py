"""How fast forms of one model are, side by side, in a process of its own.

What is loaded are the files that a server would load. Machines are never quiet: forms take turns,
round by round, and are compared within each.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import torch

from packager.architectures.telling import first_line
from packager.errors import ProofError
from packager.export import child

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from packager.export.choice import Rates
    from packager.spec.recipe import ExportForm

    Request = tuple[torch.Tensor, ...]

ROUNDS = 9
ROUND_S = 0.2
"""What one form takes of one round at least."""

WARM_CALLS = 3
"""Calls in which TorchScript's executor looks at the inputs, and compiles."""


def measure(
    artifacts: Mapping[ExportForm, Path], requests: Mapping[int, Path], *, threads: int
) -> dict[ExportForm, Rates]:
    """Return the rows per second of each form at each batch size, in each round.

    `artifacts` are files, and `requests` files with one request's tensors each, by its rows.
    `threads` are those that an instance on a server has.

    Raises:
        PackagerError: an artifact cannot be run, or the process was ended.
    """
    found: dict[ExportForm, Rates] = child.call(
        "packager.export.measuring", dict(artifacts), dict(requests), threads, does="measures"
    )
    return found


def _measured(
    artifacts: Mapping[ExportForm, Path], requests: Mapping[int, Path], threads: int
) -> dict[ExportForm, Rates]:
    torch.set_num_threads(threads)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*")
        loaded = {
            form: torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
            for form, path in artifacts.items()
        }
    rates: dict[ExportForm, dict[int, tuple[float, ...]]] = {form: {} for form in loaded}
    with torch.inference_mode():
        for rows, path in requests.items():
            seconds = _side_by_side(loaded, torch.load(path, weights_only=True))
            for form, rounds in seconds.items():
                rates[form][rows] = tuple(float(f"{rows / one:.5g}") for one in rounds)
    return dict(rates)


def _side_by_side(
    loaded: Mapping[ExportForm, Any], request: Request
) -> dict[ExportForm, list[float]]:
    """Return the seconds that one call of each form takes, round by round."""
    for form, module in loaded.items():
        _warm_up(form, module, request)
    seconds: dict[ExportForm, list[float]] = {form: [] for form in loaded}
    for _ in range(ROUNDS):
        for form, module in loaded.items():
            seconds[form].append(_seconds_a_call(module, request))
    return seconds


def _warm_up(form: ExportForm, module: Any, request: Request) -> None:
    """Call a form a few times.

    Raises:
        ProofError: it fails on so many rows: parity asked it about fewer.
    """
    try:
        for _ in range(WARM_CALLS):
            module(*request)
    except (torch.jit.Error, RuntimeError, IndexError, ValueError, TypeError) as error:
        raise ProofError(
            f"{form.value} fails on a batch of {len(request[0])}: {first_line(error)}",
            where="serving.max_batch_size",
            remedy="make it smaller, or correct the module",
        ) from error


def _seconds_a_call(module: Any, request: Request) -> float:
    """Return the seconds of one call; by one thread's own clock, where there is but one.

    Then what else the machine does is not counted.
    """
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    calls, until, started = 0, time.perf_counter() + ROUND_S, clock()
    while calls == 0 or time.perf_counter() < until:
        module(*request)
        calls += 1
    return (clock() - started) / calls


if __name__ == "__main__":
    child.serve(_measured)
