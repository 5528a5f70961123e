"""A small process between us and a server, so that nothing outlives us, however we end.

Run by path as `guard.py SHM_PREFIX GRACE_S -- COMMAND...`. Standard input is a pipe from the
parent: its end means stop. It also stops the server when the parent has gone by any way, and then
removes what the server and its Python stubs left: processes, shared memory, a temporary folder.
Without grace the server is killed, which is all that one needs whose clients have their answers:
Triton takes a second and more to end each instance of a model.
Imports only the standard library, because it starts without site-packages to be quick.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.1
_STACK_BYTES = 2**30
"""Of each thread of the server, taken as it is needed: Triton reads nested JSON by recursion, and
with the usual 8 MB a request of 100 kB ends it."""
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Linux keeps shared memory
_STUB_FOLDERS = (Path("/tmp"), "python_env_??????")  # noqa: S108 - Triton's Python backend says so


def main(arguments: list[str]) -> int:
    """Start the command, watch it and the parent, and leave nothing behind."""
    shm_prefix, grace_s, _, *command = arguments
    parent = os.getppid()
    for signum in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # the stubs of a killed server become ours to reap
    server = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=_prepare,  # noqa: PLW1509 - this process has one thread
    )
    try:
        while server.poll() is None and os.getppid() == parent and not _stop_was_asked():
            pass
        _stop(server, float(grace_s))
    finally:
        _end_group(server.pid)
        remove_shared_memory(shm_prefix)
        _remove_stub_folders()
    status = server.returncode
    return 128 - status if status < 0 else status


def remove_shared_memory(prefix: str) -> None:
    """Remove the regions of one server's stubs; a server that ended cleanly leaves none."""
    for region in _SHARED_MEMORY.glob(f"{prefix}*"):
        region.unlink(missing_ok=True)


def _remove_stub_folders() -> None:
    """Remove the empty folders that servers left which did not end by themselves.

    Nothing says whose a folder is, so only while no server runs that could be at work in one.
    """
    root, pattern = _STUB_FOLDERS
    folders = list(
        root.glob(pattern)
    )  # before looking at who runs: those who start later have more
    if any(_comm(process) == "tritonserver" for process in Path("/proc").glob("[0-9]*")):
        return
    for folder in folders:
        with contextlib.suppress(OSError):  # not empty, or not ours
            folder.rmdir()


def _comm(process: Path) -> str:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        return (process / "comm").read_text().strip()
    return ""


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _prepare() -> None:
    """Die with the guard, and survive deep recursion."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = _STACK_BYTES if hard == resource.RLIM_INFINITY else min(hard, _STACK_BYTES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))


def _stop_was_asked() -> bool:
    """Wait a moment for the parent to close its end of standard input."""
    readable, _, _ = select.select([0], [], [], _POLL_S)
    return bool(readable) and not os.read(0, 1)


def _stop(server: subprocess.Popen[bytes], grace_s: float) -> None:
    if grace_s and server.poll() is None:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(grace_s)
    server.kill()
    server.wait()


def _end_group(group: int) -> None:
    """Kill what is left of the server's process group, and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, 0):
            pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
