"""Ray beneath a sweep: what it is told, the cluster that it connects to, its end."""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from packager.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

QUIET = {
    # Lines that jobs have in common are each job's own.
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""What Ray reads from the environment, where the user has not said otherwise."""

ADDRESS = "RAY_ADDRESS"
START = "start one there (ray start --head), or take hydra/launcher=ray_local, which starts its own"

ANSWER_S = 5.0
"""How long a cluster may take to answer. Ray itself tries again for many minutes."""

LAST_LINES_S = 0.5
"""How long what jobs printed last may take to come; Ray waits as long when a program ends."""


def quiet() -> None:
    """Let Ray be quiet about itself; before it is imported."""
    for name, value in QUIET.items():
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


def end() -> None:
    """Let Ray bring what its jobs printed last, and end its own processes."""
    ray: Any = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        time.sleep(LAST_LINES_S)
        ray.shutdown()
