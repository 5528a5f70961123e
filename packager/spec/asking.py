"""The tasks that run a server, or ask one: serve, evaluate, predict, profile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from packager.spec.server import ControlMode
from packager.spec.serving import require_host_name
from packager.spec.validity import require


class Protocol(Enum):
    """How tensors travel: as JSON or binary over HTTP, over gRPC, or in shared memory."""

    json = "json"
    binary = "binary"
    grpc = "grpc"
    shm = "shm"


class ReportFormat(Enum):
    """How a result is printed."""

    text = "text"
    json = "json"


class PredictionFormat(Enum):
    """How predictions are printed."""

    table = "table"
    json = "json"
    csv = "csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeTask:
    """Run a server on the repository until interrupted; as a kind of host, where one is named.

    `load` are the models to load at the start in explicit mode; None is all of them. `log` is a
    file for the server's whole log. With `print` nothing is started: the command that would run
    the container is printed.
    """

    control: ControlMode = ControlMode.poll
    load: tuple[str, ...] | None = None
    host: str | None = None
    log: Path | None = None
    print: bool = False

    def __post_init__(self) -> None:
        if self.host is not None:
            require_host_name(self.host, where="task.host")
        require(
            self.load is None or self.control is ControlMode.explicit,
            f"is for explicit control; task.control={self.control.value} loads every model",
            where="task.load",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Which model is asked, and how.

    `model` None is the recipe's, or the only one that there is; `version` None the server's own
    choice. `timeout_s` is for one request to the model, `retries` for those that nobody answered.
    """

    model: str | None = None
    version: int | None = None
    protocol: Protocol = Protocol.binary
    timeout_s: float = 30.0
    retries: int = 3

    def __post_init__(self) -> None:
        require(
            self.version is None or self.version > 0,
            f"is {self.version}; expected a version from 1",
            where="task.version",
        )
        require(
            self.timeout_s > 0,
            f"is {self.timeout_s}; expected seconds above 0",
            where="task.timeout_s",
        )
        require(
            0 <= self.retries <= 100,
            f"is {self.retries}; expected 0 to 100",
            where="task.retries",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateTask:
    """Accuracy and latency of the served model on the test set.

    `batch` None is the largest that the model takes, 128 at most. `limit` None is every image.
    `output` is a file for the result as JSON.
    """

    asked: Asked
    batch: int | None = None
    concurrency: int = 2
    limit: int | None = None
    output: Path | None = None
    format: ReportFormat = ReportFormat.text

    def __post_init__(self) -> None:
        _require_positive(self.batch, "batch")
        _require_positive(self.concurrency, "concurrency")
        _require_positive(self.limit, "limit")


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictTask:
    """Classify image files: paths, folders, patterns, URLs, or `-` for standard input.

    `top` is how many classes are told of each. `invert` None is as the model's preprocessing says.
    """

    asked: Asked
    images: tuple[str, ...] = ()
    top: int = 3
    invert: bool | None = None
    format: PredictionFormat = PredictionFormat.table
    output: Path | None = None

    def __post_init__(self) -> None:
        _require_positive(self.top, "top")
        require(
            self.asked.protocol is not Protocol.shm,
            "is shm, which gains nothing for a few pictures",
            where="task.protocol",
            remedy="choose json, binary or grpc",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileTask:
    """Throughput and latency of a served model, over concurrency, batch and instance count.

    `batch` empty are usual ones that the model takes; `instances` empty leaves the count as it is
    served. `p99_ms` is the latency budget. `seconds`
    are measured at each point. `output` is a folder for the result as JSON and a plot.
    """

    asked: Asked
    concurrency: tuple[int, ...] = (1, 2, 4, 8, 16)
    batch: tuple[int, ...] = ()
    instances: tuple[int, ...] = ()
    p99_ms: float | None = None
    seconds: float = 3.0
    output: Path | None = None
    format: ReportFormat = ReportFormat.text

    def __post_init__(self) -> None:
        for name in ("concurrency", "batch", "instances"):
            values = getattr(self, name)
            require(
                all(0 < value <= 4096 for value in values) and (values or name != "concurrency"),
                f"is {list(values)}; expected numbers from 1 to 4096",
                where=f"task.{name}",
            )
        require(
            self.p99_ms is None or self.p99_ms > 0,
            f"is {self.p99_ms}; expected milliseconds above 0",
            where="task.p99_ms",
        )
        require(
            self.seconds > 0, f"is {self.seconds}; expected seconds above 0", where="task.seconds"
        )


def _require_positive(value: int | None, name: str) -> None:
    require(
        value is None or value > 0, f"is {value}; expected a positive number", where=f"task.{name}"
    )
