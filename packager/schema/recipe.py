"""What a recipe chooses: data, architecture, trainer, export, serving."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from packager.spec.dataset import DataFormat, SourceKind
from packager.spec.recipe import DEFAULT_FORM, ExportForm, Pixels
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
    own. `invert`: 255 - x, for pictures that are dark on light. `in_memory` null: unless they are
    larger than half the free memory. `workers` null: one a core.
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
    invert: bool = False
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

    `hosts` are kinds of hosts by name, each with instances of its own. `warmup` is how often a
    sample is run before the model is ready, 0 not at all.
    """

    max_batch_size: int = MISSING
    batch_dim: int | None = -1
    dynamic_batching: DynamicBatchingConfig | None = None
    instance_group: InstanceGroupConfig = MISSING
    hosts: dict[str, InstanceGroupConfig] = field(default_factory=dict)
    version_policy: VersionPolicyConfig = field(default_factory=VersionPolicyConfig)
    warmup: int = 3


@dataclass
class ExportConfig:
    """`export/`: the form of the artifact, and the pixels that clients send."""

    optimize: ExportForm = DEFAULT_FORM
    pixels: Pixels = MISSING
