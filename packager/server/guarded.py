"""A server that runs as a child process under `guard.py`, with its log in a file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from packager.errors import UnavailableError
from packager.server import guard, ports, readiness, triton_log
from packager.server.running import Endpoints

if TYPE_CHECKING:
    from packager.spec.server import Ports

_GUARD = Path(guard.__file__)
_TAIL_LINES = 15
_PORT_ATTEMPTS = 5
_GUARD_ENDS_WITHIN_S = 5.0


class PortTakenError(Exception):
    """A port was free when chosen and is not any more."""


def new_identity() -> str:
    """A name that no other server has: its `--id` and its shared memory's prefix."""
    return f"packager-{uuid.uuid4().hex}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """How to start one server and know it again.

    It has `grace_s` seconds to end by itself: with none it is killed, for clients of ours only.
    """

    command: Sequence[str]
    identity: str
    endpoints: Endpoints
    ready_timeout_s: float
    grace_s: float = 0.0
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    log: Path | None = None
    """None: a nameless file, which goes with the server."""


class GuardedServer:
    """A `Server` whose process is ours."""

    def __init__(
        self, endpoints: Endpoints, process: subprocess.Popen[bytes], log: triton_log.LogFile
    ) -> None:
        self._endpoints = endpoints
        self._process = process
        self._log = log

    @property
    def endpoints(self) -> Endpoints:
        """Where it listens."""
        return self._endpoints

    def failure_reason(self, model: str) -> str | None:
        """The reason in the log why the last load of `model` failed."""
        return triton_log.failure_reason(self._log.text(), model)

    def log_text(self) -> str:
        """The whole log."""
        return self._log.text()

    def log_from(self, position: int) -> bytes:
        """What the log has after so many bytes."""
        return self._log.after(position)

    def log_tail(self, lines: int) -> str:
        """The last lines of the log."""
        return self._log.tail(lines)

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Block until the process ends; its exit status, 128 + signal when killed."""
        return self._process.wait()


@contextmanager
def run_on_free_ports(
    wanted: Ports, address: str, launch: Callable[[Ports], Launch]
) -> Iterator[GuardedServer]:
    """Run what `launch` makes of chosen ports, with others when somebody took one meanwhile.

    Raises:
        UnavailableError: a fixed port is in use, or the server did not become ready.
    """
    with ExitStack() as stack:
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            chosen = ports.choose(wanted, address)
            try:
                server = stack.enter_context(run(launch(chosen)))
                break
            except PortTakenError as error:
                if attempt == _PORT_ATTEMPTS or ports.are_fixed(wanted):
                    raise UnavailableError(
                        f"no port to listen on: {error}",
                        where="server.http_port",
                        remedy="stop what listens there, or leave the ports free to choose",
                    ) from error
        yield server


@contextmanager
def run(launch: Launch) -> Iterator[GuardedServer]:
    """Start, wait until ready, and stop; nothing is left behind.

    Raises:
        PortTakenError: somebody else took one of the ports meanwhile.
        UnavailableError: the server ended, or was not ready in time.
    """
    with _log_file(launch.log) as log_file:
        process = _start_guard(launch, log_file.fileno())
        try:
            server = GuardedServer(launch.endpoints, process, triton_log.LogFile(log_file))
            _require_ready(launch, server)
            yield server
        finally:
            _stop_guard(process, launch)


def _log_file(path: Path | None) -> IO[bytes]:
    if path is None:
        return tempfile.TemporaryFile(prefix="packager-triton-")
    try:
        return path.open("w+b")
    except OSError as error:
        raise UnavailableError(
            f"the server's log cannot be written to {path}: {error.strerror}",
            where="task.log",
            remedy="name a file in a folder that exists and that you may write to",
        ) from error


def _start_guard(launch: Launch, log: int) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal reaches us, and we stop the server.
    return subprocess.Popen(
        [
            *(sys.executable, "-I", "-S", str(_GUARD)),
            *(launch.identity, str(launch.grace_s), "--", *launch.command),
        ],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=None if launch.environment is None else dict(launch.environment),
        cwd=launch.directory,
        start_new_session=True,
    )


def _stop_guard(process: subprocess.Popen[bytes], launch: Launch) -> None:
    if process.stdin:
        with suppress(OSError):
            process.stdin.close()
    try:
        process.wait(launch.grace_s + _GUARD_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.returncode < 0:  # killed, by us or somebody else: it left what it would have removed
        guard.remove_shared_memory(launch.identity)


def _require_ready(launch: Launch, server: GuardedServer) -> None:
    if readiness.wait_until_ready(
        launch.endpoints.http,
        timeout_s=launch.ready_timeout_s,
        identity=launch.identity,
        goes_on=server.is_running,
    ):
        return
    log = server.log_text()
    if server.is_running():
        raise UnavailableError(
            f"Triton was not ready after {launch.ready_timeout_s:g} s; its log ends with\n"
            f"{server.log_tail(_TAIL_LINES)}\n",
            where="server.ready_timeout_s",
            remedy="raise it when many or large models load at the start",
        )
    if triton_log.port_was_taken(log):
        raise PortTakenError(triton_log.last_error(log))
    raise UnavailableError(
        f"Triton ended while starting: {triton_log.last_error(log)}",
        where="server",
        remedy="correct what its message names",
    )
