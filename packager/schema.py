"""The configuration's schema; `resolve` takes it from there.

Every YAML starts from one of these dataclasses, so a misspelt key or a wrong type fails when
Hydra composes.

OmegaConf knows no `Literal` and gives lists for tuples: Enum and list here, tuple in the spec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from packager.lint.reports import Format
from packager.model_config.rules.rule import Severity
from packager.spec.dataset import DataFormat, SourceKind
from packager.spec.job import PlanFormat, VersionsAction, VersionsFormat
from packager.spec.recipe import ExportMethod, Pixels
from packager.spec.server import ControlMode
from packager.spec.serving import InstanceKind, VersionPolicyKind
from packager.spec.tensors import DataType
from packager.spec.training import (
    Device,
    MemoryFormat,
    Optimizer,
    Precision,
    Schedule,
    Selection,
)


@dataclass
class TensorConfig:
    """One input or output; `dims` are one sample's."""

    name: str = MISSING
    data_type: DataType = DataType.FP32
    dims: list[int] = MISSING


@dataclass
class FileConfig:
    """A data file by its decompressed name and digest; your own local file may do without."""

    name: str = MISSING
    sha256: str | None = None


@dataclass
class SourceConfig:
    """A place to get data files from; `files` and `format` default to the dataset's."""

    kind: SourceKind = MISSING
    origin: str = MISSING
    folder: str = ""
    subset: bool = False
    format: DataFormat | None = None
    files: dict[str, FileConfig] = field(default_factory=dict)


class DatasetKind(Enum):
    """What a model learns from and is proven on."""

    images = "images"
    none = "none"


@dataclass
class NormalizeConfig:
    """Subtract `mean` and divide by `std`, one number a channel, of pixels in [0, 1].

    Null: neither. A node that is null itself could not be set on the command line.
    """

    mean: list[float] | None = None
    std: list[float] | None = None


@dataclass
class DatasetConfig:
    """`dataset/`: the images to learn from; `path` is a local folder that replaces the sources.

    `torchvision` is one of torchvision.datasets' classes in their place, `arguments` are its own.
    `classes` null: as the data name or number them. `channels`: 1 grey, 3 RGB, null the images'
    own. `in_memory` null: unless they are larger than half the free memory. `workers` null: one
    a core.
    """

    kind: DatasetKind = DatasetKind.images
    name: str = MISSING
    classes: list[str] | None = None
    format: DataFormat = DataFormat.idx
    files: dict[str, FileConfig] = field(default_factory=dict)
    sources: list[SourceConfig] = field(default_factory=list)
    torchvision: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    path: str | None = None
    resize: list[int] | None = None
    channels: int | None = None
    normalize: NormalizeConfig = field(default_factory=NormalizeConfig)
    max_train_samples: int | None = None
    max_test_samples: int | None = None
    allow_subset: bool = True
    skip_unreadable: bool = False
    in_memory: bool | None = None
    workers: int | None = None


@dataclass
class WeightsConfig:
    """A state dict in a `.pt` or `.safetensors` file; `skip` lists beginnings of names."""

    path: str | None = None
    skip: list[str] = field(default_factory=list)


@dataclass
class ArchitectureConfig:
    """`architecture/`: one of `layers`, `torchvision`, `module_class` and `torchscript`.

    `layers` are torch.nn names, each a name or `{Name: {argument: value}}`.
    """

    layers: list[Any] | None = None
    torchvision: str | None = None
    module_class: str | None = None
    torchscript: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    weights: WeightsConfig = field(default_factory=WeightsConfig)


@dataclass
class NoTrainerConfig:
    """`trainer=none`: weights as they are, or drawn from the seed."""

    seed: int = 0
    threads: int | None = None


@dataclass
class AugmentationConfig:
    """Changes to training images, drawn anew for each batch; sizes in pixels."""

    horizontal_flip: bool = False
    crop_padding: int = 0
    cutout_size: int = 0
    cutout_probability: float = 1.0


@dataclass
class TrainerConfig(NoTrainerConfig):
    """`trainer/`: how the module learns."""

    optimizer: Optimizer = MISSING
    lr: float = MISSING
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    batch_size: int = MISSING
    epochs: int = MISSING
    max_steps: int | None = None
    max_minutes: float | None = None
    schedule: Schedule = Schedule.constant
    warmup_fraction: float = 0.3
    label_smoothing: float = 0.0
    ema_decay: float | None = None
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    selection: Selection = Selection.validation
    validation_fraction: float = 0.0
    device: Device = Device.auto
    precision: Precision = Precision.auto
    memory_format: MemoryFormat = MemoryFormat.channels_last
    compile: bool = False
    checkpoint_seconds: float = 30.0
    tensorboard: str | None = None


@dataclass
class InstanceGroupConfig:
    """`serving/instance_group/`: where instances run and how many."""

    kind: InstanceKind = MISSING
    count: int = 1
    gpus: list[int] = field(default_factory=list)


@dataclass
class DynamicBatchingConfig:
    """Triton's dynamic batcher."""

    max_queue_delay_us: int = 0
    preferred_batch_size: list[int] = field(default_factory=list)


@dataclass
class VersionPolicyConfig:
    """Which versions are served; `versions` are served beside a specific one that is built."""

    kind: VersionPolicyKind = VersionPolicyKind.latest
    num_versions: int = 1
    versions: list[int] = field(default_factory=list)


@dataclass
class ServingConfig:
    """`serving/`: how Triton batches and places the model.

    `hosts` are kinds of hosts by name, each with instances of its own.
    """

    max_batch_size: int = MISSING
    batch_dim: int | None = -1
    dynamic_batching: DynamicBatchingConfig | None = None
    instance_group: InstanceGroupConfig = MISSING
    hosts: dict[str, InstanceGroupConfig] = field(default_factory=dict)
    version_policy: VersionPolicyConfig = field(default_factory=VersionPolicyConfig)


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
class ExportConfig:
    """`export/`: how the module becomes TorchScript, and the pixels that clients send."""

    method: ExportMethod = ExportMethod.freeze
    pixels: Pixels = MISSING


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
    """Set by the command line: the keys that differ between the jobs of a sweep."""

    swept: list[str] = field(default_factory=list)


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
    host: str | None = None


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


@dataclass
class Config:
    """The whole configuration."""

    name: str = MISSING
    inputs: list[TensorConfig] = field(default_factory=list)
    outputs: list[TensorConfig] = field(default_factory=list)
    # Not MISSING: Hydra first composes a sweep without its recipe, values in them included.
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    architecture: ArchitectureConfig = field(default_factory=ArchitectureConfig)
    trusted_packages: list[str] = field(default_factory=list)
    trainer: NoTrainerConfig = MISSING
    serving: ServingConfig = MISSING
    export: ExportConfig = MISSING
    repository: RepositoryConfig = field(default_factory=RepositoryConfig)
    cache: CacheConfig = field(default_factory=CacheConfig)
    server: ServerConfig = MISSING
    task: TaskConfig = MISSING
    sweep: SweepConfig = field(default_factory=SweepConfig)
    allow_breaking: bool = False
    debug: bool = False


SCHEMAS: dict[str, type] = {
    "config": Config,
    "dataset": DatasetConfig,
    "architecture": ArchitectureConfig,
    "trainer": TrainerConfig,
    "no_trainer": NoTrainerConfig,
    "export": ExportConfig,
    "serving": ServingConfig,
    "instance_group": InstanceGroupConfig,
    "server": ServerConfig,
    "embedded_server": EmbeddedServerConfig,
    "docker_server": DockerServerConfig,
    "external_server": ExternalServerConfig,
    "task": TaskConfig,
    "build_task": BuildTaskConfig,
    "versions_task": VersionsTaskConfig,
    "plan_task": PlanTaskConfig,
    "serve_task": ServeTaskConfig,
    "validate_task": ValidateTaskConfig,
}


def register() -> None:
    """Make the schemas known to Hydra as `/schema/<name>`."""
    store = ConfigStore.instance()
    for name, node in SCHEMAS.items():
        store.store(group="schema", name=name, node=node, provider="packager")
