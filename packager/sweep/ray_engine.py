"""Ray beneath a sweep: what it is told, the cluster that it connects to, its end."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from packager.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS = {
    # Lines that jobs have in common are each job's own.
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Nor what a job has started: a server's guard sees to that, and has to clean up after it.
    "RAY_kill_child_processes_on_worker_exit": "false",
}
"""What Ray reads from the environment, where the user has not said otherwise."""

OWN = "local"
"""The address of a cluster that begins and ends with the sweep."""

ADDRESS = "RAY_ADDRESS"
START = "start one there (ray start --head), or take hydra/launcher=ray_local, which starts its own"

ANSWER_S = 5.0
"""How long a cluster may take to answer. Ray itself tries again for many minutes."""

OBJECT_STORE_BYTES = 75 * 2**20
"""What the launcher asks for where the key is not set; jobs leave their results in files."""

LAST_LINES_S = 0.5
"""How long what jobs printed last may take to come; Ray waits as long when a program ends."""


def settle() -> None:
    """Set what Ray reads; before it is imported."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


def require_cluster(init: Mapping[str, Any]) -> None:
    """Check that somebody answers where `ray.init` is to connect, if it is told where.

    Raises:
        UnavailableError: nobody does.
    """
    address, where = init.get("address"), "hydra.launcher.ray.init.address"
    if address in (None, "auto"):
        address, where = os.environ.get(ADDRESS, ""), ADDRESS
    host, _, port = str(address).rpartition("://")[2].rpartition(":")
    if not port.isdecimal():
        return  # Ray knows: a cluster of its own, or the one on this machine
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise UnavailableError(
            f"no Ray cluster answers at {host}:{port}: {error}", where=where, remedy=START
        ) from error


def require_plain_path(interpreter: str) -> None:
    """Check that nodes of a cluster can start Python, which is at the same path on each.

    Raises:
        UnavailableError: they would wait for it without end.
    """
    if any(one.isspace() for one in interpreter):
        raise UnavailableError(
            f"nodes start Python by a shell that splits its path at spaces: '{interpreter}'",
            where="hydra/launcher",
            remedy="make the virtual environment in a folder without a space in its path, or take"
            " hydra/launcher=ray_local",
        )


def connect(init: Mapping[str, Any]) -> None:
    """Start or find the cluster, as the launcher would, but leave signals to who handles them now.

    Ray's own handler of SIGTERM kills its processes while this one is connected to them.

    Raises:
        UnavailableError: nobody answers, or Ray could not start Python.
    """
    if init.get("address") != OWN:
        require_plain_path(sys.executable)
    require_cluster(init)
    ray: Any = importlib.import_module("ray")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    given: Any = OmegaConf.to_container(init, resolve=True)
    ray.init(**{"object_store_memory": OBJECT_STORE_BYTES, **given})
    for number, handler in handlers.items():
        signal.signal(number, handler)


def is_connected() -> bool:
    """Say whether this process has connected to Ray; without importing it."""
    ray: Any = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())


def end() -> None:
    """Let Ray bring what its jobs printed last, and end its own processes."""
    if is_connected():
        time.sleep(LAST_LINES_S)
        importlib.import_module("ray").shutdown()
