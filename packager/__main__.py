"""The command line: `python -m packager`, and the console script `packager`.

Little is imported here: Ctrl-C must end well from the first moment on.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

from packager.errors import EXIT_INTERRUPTED, EXIT_TERMINATED
from packager.training import ranks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


MAIN_RANK_TELLS_WITHIN_S = 10.0


class Terminated(BaseException):
    """SIGTERM came."""


def main() -> None:
    """Run the command line and exit with its status."""
    signal.signal(signal.SIGTERM, _terminate)
    # A shell starts background jobs with SIGINT ignored; ours end on it like any server.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = _run(sys.argv[1:])
    except KeyboardInterrupt:
        status = _ended("interrupted", EXIT_INTERRUPTED)
    except Terminated:
        status = _ended("terminated", EXIT_TERMINATED)
    if status == EXIT_INTERRUPTED:
        # Python may end itself by the signal instead, if that came while a module was imported.
        sys.stdout.flush()
        os._exit(status)
    gc.freeze()  # all of it goes with the process; looking for garbage first takes half a second
    sys.exit(status)


def _run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status. Every error ends here."""
    from packager import console, openmp  # noqa: PLC0415
    from packager.command_line import command, errors_told  # noqa: PLC0415

    console.log()
    # With this Hydra raises its errors instead of printing them, so that they are told as ours.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    openmp.spin_briefly(os.environ)
    try:
        return command.run(list(arguments))
    except Exception as error:  # noqa: BLE001  the one place where every error ends
        if isinstance(error.__context__, KeyboardInterrupt | Terminated):
            # What failed was somebody's way of cleaning up after the signal.
            raise error.__context__ from None
        if not ranks.is_main():
            # The main rank tells what all have in common, and torchrun then ends this one.
            time.sleep(MAIN_RANK_TELLS_WITHIN_S)
            console.speak()
        return errors_told.report(error, debug="debug=true" in arguments).exit_code


def _ended(word: str, status: int) -> int:
    """Say how the run ended; a second signal does not disturb that."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not SIG_IGN: Python complains where one has come already.
        signal.signal(number, lambda *_: None)
    sys.stderr.write(f"{word}\n")
    sys.stderr.flush()
    return status


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """Unwind on SIGTERM as on Ctrl-C, so that servers and temporary files go."""
    raise Terminated


if __name__ == "__main__":
    main()
