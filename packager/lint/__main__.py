"""`packager-lint` and `python -m packager.lint`."""

from __future__ import annotations

import os
import sys

from packager.errors import EXIT_FAULT, EXIT_INTERRUPTED, PackagerError
from packager.lint import pipe

EXIT_COULD_NOT_RUN = 2


def main() -> None:
    """Run the command line and exit with its status."""
    if sys.stderr is None:  # closed, as by 2>&-
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        sys.stderr.write("packager-lint: standard output is closed. Remedy: leave it open.\n")
        sys.exit(EXIT_COULD_NOT_RUN)
    # Names on disk may hold what the terminal's encoding does not.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = _run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        status = pipe.reader_is_gone()
    except OSError as error:  # the output's last part
        status = _refused(error)
    if status == EXIT_INTERRUPTED:
        # Python may end itself by the signal instead, if that came while a module was imported.
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _run(arguments: list[str]) -> int:
    from packager.lint import command  # noqa: PLC0415  after Ctrl-C is taken care of

    try:
        return command.run(arguments)
    except BrokenPipeError:
        raise
    except PackagerError as error:
        sys.stderr.write(f"packager-lint: {error}\n")
        return EXIT_COULD_NOT_RUN
    except OSError as error:
        return _refused(error)
    except MemoryError:
        sys.stderr.write("packager-lint: there is not enough memory. Remedy: use --jobs 1.\n")
        return EXIT_COULD_NOT_RUN
    except Exception as error:  # noqa: BLE001  no traceback, whatever the input
        sys.stderr.write(
            f"packager-lint: a fault of packager: {type(error).__name__}: {error}."
            " Remedy: please report it.\n"
        )
        return EXIT_FAULT


def _refused(error: OSError) -> int:
    """Return the status where the system refuses to write the report, or to start processes."""
    sys.stderr.write(
        f"packager-lint: {error.strerror or error}."
        " Remedy: check where its output goes, and the machine's memory.\n"
    )
    pipe.write_nothing_more()
    return EXIT_COULD_NOT_RUN


if __name__ == "__main__":
    main()
