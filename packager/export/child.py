"""A function called in a process of its own: nothing that ran before changes what it does."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from packager import openmp, parent_death
from packager.errors import PackagerError

if TYPE_CHECKING:
    from collections.abc import Callable


def call(module: str, *arguments: object, does: str) -> Any:
    """Return what `python -m MODULE`, which answers by `serve`, makes of the arguments.

    `does` says what for, for the error ("exports").

    Raises:
        PackagerError, OSError: what was raised there, or that process ended otherwise.
    """
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=pickle.dumps((sys.path, arguments)),
        stdout=subprocess.PIPE,
        env=_environment(),
        check=False,
    )
    answer = pickle.loads(done.stdout) if done.returncode == 0 else None  # noqa: S301  our child's
    if isinstance(answer, Exception):
        raise answer
    if done.returncode != 0:
        raise PackagerError(
            f"the process that {does} ended with status {done.returncode}",
            where="export",
            remedy="read what it wrote above; a negative status is a signal's, and 9 may be memory",
        )
    return answer


def _environment() -> dict[str, str]:
    """Return ours, without what would make one process differ from another, or from a server."""
    environment = dict(os.environ)
    # As the embedded server has it: what is measured here is to be what is served there.
    openmp.give_way(environment)
    # Nothing that TorchScript writes may follow from an order that differs between processes.
    return environment | {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(sys.path)}


def serve(function: Callable[..., object]) -> None:
    """Call a function with the arguments on stdin; answer on stdout with its value or error.

    What the function prints goes to stderr: a user's module may print.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # A Ctrl-C is the parent's to handle; its death is ours too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent_death.signals(signal.SIGKILL)
    search, arguments = pickle.loads(sys.stdin.buffer.read())  # noqa: S301  our parent's
    sys.path[:] = search
    try:
        answer = function(*arguments)
    except (PackagerError, OSError) as error:
        answer = error
    with answers:
        answers.write(pickle.dumps(answer))
