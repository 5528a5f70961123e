"""What a run works with: the server, the repository, the cache, the task."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from packager.lint.reports import Format
from packager.model_config.rules.rule import Severity
from packager.spec.asking import PredictionFormat, Protocol, ReportFormat
from packager.spec.job import ImageFormat, Layout, Part, PlanFormat, VersionsAction, VersionsFormat
from packager.spec.server import ControlMode
from packager.spec.sweeping import By, LeaderboardFormat, Promote


class ServerKind(Enum):
    """Which Triton answers."""

    auto = "auto"
    embedded = "embedded"
    docker = "docker"
    external = "external"
    none = "none"


@dataclass
class ServerConfig:
    """`server/`: which Triton proves and serves; `release` is the one models are meant for."""

    kind: ServerKind = MISSING
    release: str | None = None


@dataclass
class EmbeddedServerConfig(ServerConfig):
    """`server=embedded`: ports left null are free ones."""

    address: str = "127.0.0.1"
    http_port: int | None = None
    grpc_port: int | None = None
    metrics_port: int | None = None
    ready_timeout_s: float = 120.0


@dataclass
class DockerServerConfig(EmbeddedServerConfig):
    """`server=docker` and `server=auto`: also the container's image."""

    image: str = MISSING


@dataclass
class ExternalServerConfig(ServerConfig):
    """`server=external`: a Triton that already runs, by `host:port`."""

    url: str = MISSING
    grpc_url: str | None = None
    ready_timeout_s: float = 60.0


@dataclass
class RepositoryConfig:
    """The model repository; `staging` defaults to a hidden folder beside it.

    `signing_key` is a private key in PEM.
    """

    path: str = "model_repository"
    staging: str | None = None
    signing_key: str | None = None


@dataclass
class CacheConfig:
    """What is kept between builds, and how much of it; null is the user's cache directory."""

    path: str | None = None
    max_size_gb: float = 20.0


@dataclass
class SweepConfig:
    """What is asked of a sweep as a whole.

    `by` is a figure, or a list of some. `promote=best` publishes only the job that is best by it;
    `resume` is the directory of a sweep to go on with. Set by the command line: `swept`, the keys
    that differ between the jobs, and `trainings`, how many they need.
    """

    swept: list[str] = field(default_factory=list)
    trainings: int | None = None
    by: Any = By.accuracy.value
    promote: Promote = Promote.none
    resume: str | None = None


@dataclass
class OptunaSweeperConfig:
    """`hydra/sweeper=optuna`; `params` are ranges beside the command's."""

    _target_: str = MISSING
    sampler: Any = MISSING
    n_trials: int = 20
    n_jobs: int = 1
    storage: str | None = None
    study_name: str | None = None
    params: Any = None


@dataclass
class TaskConfig:
    """`task/`: what to do."""

    name: str = MISSING


@dataclass
class BuildTaskConfig(TaskConfig):
    """`task=build`; `force` are stages to do anew, or `all`."""

    force: list[str] = field(default_factory=list)


@dataclass
class VersionsTaskConfig(TaskConfig):
    """`task=versions`."""

    action: VersionsAction = MISSING
    model: str | None = None
    version: int | None = None
    keep: int | None = None
    force: bool = False
    to: str | None = None
    public_key: str | None = None
    format: VersionsFormat = VersionsFormat.text


@dataclass
class PlanTaskConfig(TaskConfig):
    """`task=plan`."""

    format: PlanFormat = PlanFormat.text


@dataclass
class ServeTaskConfig(TaskConfig):
    """`task=serve`; `host` chooses `configs/<host>.pbtxt` where a model has it."""

    control: ControlMode = ControlMode.poll
    load: list[str] | None = None
    host: str | None = None
    log: str | None = None
    print: bool = False


@dataclass
class AskingTaskConfig(TaskConfig):
    """What every task has that asks a served model."""

    model: str | None = None
    version: int | None = None
    protocol: Protocol = Protocol.binary
    timeout_s: float = 30.0
    retries: int = 3


@dataclass
class EvaluateTaskConfig(AskingTaskConfig):
    """`task=evaluate`."""

    batch: int | None = None
    concurrency: int = 2
    limit: int | None = None
    output: str | None = None
    format: ReportFormat = ReportFormat.text


@dataclass
class PredictTaskConfig(AskingTaskConfig):
    """`task=predict`; `images` is one string or a list of them."""

    images: Any = None
    top: int = 3
    invert: bool | None = None
    format: PredictionFormat = PredictionFormat.table
    output: str | None = None


@dataclass
class ProfileTaskConfig(AskingTaskConfig):
    """`task=profile`."""

    concurrency: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16])
    batch: list[int] = field(default_factory=list)
    instances: list[int] = field(default_factory=list)
    p99_ms: float | None = None
    seconds: float = 3.0
    output: str | None = None
    format: ReportFormat = ReportFormat.text


@dataclass
class ImagesTaskConfig(TaskConfig):
    """`task=images`."""

    to: str | None = None
    layout: Layout = Layout.flat
    format: ImageFormat = ImageFormat.png
    split: Part = Part.all
    limit: int | None = None
    workers: int | None = None


@dataclass
class LeaderboardTaskConfig(TaskConfig):
    """`task=leaderboard`; `sweep` is the directory of a sweep, `by` a figure or a list of some."""

    sweep: str | None = None
    by: Any = By.accuracy.value
    format: LeaderboardFormat = LeaderboardFormat.text


@dataclass
class ValidateTaskConfig(TaskConfig):
    """`task=validate`: `packager-lint` with these options; null is "not known"."""

    path: str | None = None
    format: Format = Format.text
    select: list[str] = field(default_factory=list)
    ignore: list[str] = field(default_factory=list)
    severity: Severity = Severity.warning
    auto_complete: bool = True
    host_gpus: list[int] | None = None
    backends: list[str] | None = None
