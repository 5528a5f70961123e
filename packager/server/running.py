"""What every running Triton offers, whoever started it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoints:
    """Where a server listens, each as `host:port`; None where it does not."""

    http: str
    grpc: str | None = None
    metrics: str | None = None


class Server(Protocol):
    """A Triton that answers, until its context manager ends."""

    @property
    def endpoints(self) -> Endpoints:
        """Where it listens."""
        ...

    def failure_reason(self, model: str) -> str | None:
        """Triton's own reason why `model` did not load; None when it did, or nobody knows."""
        ...

    def log_from(self, position: int) -> bytes:
        """What the server's log has after so many bytes; empty when it is not ours to read."""
        ...

    def log_tail(self, lines: int) -> str:
        """The last lines of the server's log; empty when it is not ours to read."""
        ...

    def is_running(self) -> bool:
        """Whether the server is still there."""
        ...

    def wait(self) -> int:
        """Block until the server ends; its exit status."""
        ...
