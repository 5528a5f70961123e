"""The tritonserver flags that do not depend on how the server is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.spec.server import ControlMode

if TYPE_CHECKING:
    from collections.abc import Sequence

# How long a stopping server waits for requests in flight; an idle open connection counts as one.
EXIT_TIMEOUT_S = 5
# How long to wait for the process to end by itself before it is killed.
STOP_GRACE_S = EXIT_TIMEOUT_S + 5.0
POLL_INTERVAL_S = 1

COMPLETE_CONFIG = ("--disable-auto-complete-config",)
"""For models of ours: nothing in their configuration is left for Triton to complete.

libtorch completes nothing anyway; for it, what runs in Triton's Python stubs is started twice.
"""


def server_flags(*, identity: str | None, control: ControlMode) -> list[str]:
    """Keep the server up when a model fails, and let it be told apart from other servers."""
    flags = [
        *([f"--id={identity}"] if identity else []),
        f"--model-control-mode={control.value}",
        "--exit-on-error=false",
        "--strict-readiness=false",
        f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
    ]
    if control is ControlMode.poll:
        flags.append(f"--repository-poll-secs={POLL_INTERVAL_S}")
    return flags


def load_flags(models: Sequence[str] | None) -> list[str]:
    """Have these models loaded at the start, in explicit mode; None is all of them."""
    return [f"--load-model={model}" for model in (["*"] if models is None else models)]


def host_flags(host: str | None) -> list[str]:
    """Have models' `configs/<host>.pbtxt` taken where there is one."""
    return [] if host is None else [f"--model-config-name={host}"]
