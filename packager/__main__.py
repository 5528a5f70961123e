"""The command line: `python -m packager`, and the console script `packager`."""

from __future__ import annotations

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

from rich.logging import RichHandler

from packager import command, console, errors_told
from packager.errors import EXIT_INTERRUPTED, EXIT_TERMINATED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


class Terminated(BaseException):
    """SIGTERM came."""


def main() -> None:
    """Run the command line and exit with its status."""
    signal.signal(signal.SIGTERM, _terminate)
    # A shell starts background jobs with SIGINT ignored; ours end on it like any server.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    handler = RichHandler(console=console.err, show_time=False, show_path=False)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    # With this Hydra raises its errors instead of printing them, so that they are told as ours.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status. Every error ends here."""
    try:
        return command.run(list(arguments))
    except KeyboardInterrupt:
        console.err.print("interrupted")
        return EXIT_INTERRUPTED
    except Terminated:
        console.err.print("terminated")
        return EXIT_TERMINATED
    except Exception as error:  # noqa: BLE001  the one place where every error ends
        return errors_told.report(error, debug="debug=true" in arguments).exit_code


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """Unwind on SIGTERM as on Ctrl-C, so that servers and temporary files go."""
    raise Terminated


if __name__ == "__main__":
    main()
