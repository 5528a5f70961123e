"""How an error is told: one paragraph on stderr, an exit status, a traceback only on request."""

from __future__ import annotations

import traceback

from packager import console
from packager.command_line.composition import explain
from packager.errors import PackagerError, UnavailableError


def told(error: BaseException) -> PackagerError:
    """Return an error as the user should read it."""
    if isinstance(error, PackagerError):
        return error
    explained = explain(error)  # first: one of Hydra's errors is an OSError too
    if explained is not None:
        return explained
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return UnavailableError(
            "there is not enough memory",
            where="this machine",
            remedy="lower the sizes of layers, images or batches",
        )
    if isinstance(error, OSError):
        return UnavailableError(
            error.strerror or str(error),
            where=str(error.filename or "the operating system"),
            remedy="check that the path exists and can be written, and that the disk is not full",
        )
    return _fault(error)


def report(error: BaseException, *, debug: bool) -> PackagerError:
    """Print an error, with its traceback where `debug` is set; return it as told."""
    if debug:
        traceback.print_exception(error)
    problem = told(error)
    console.print_error(str(problem))
    return problem


def _fault(error: BaseException) -> PackagerError:
    lines = str(error).splitlines() or [""]
    return PackagerError(
        f"a fault of packager: {type(error).__name__}: {lines[0]}",
        remedy="please report it, with the traceback that debug=true prints",
    )
