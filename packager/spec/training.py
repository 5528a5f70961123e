"""How a module is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from packager.spec.validity import require

FLOAT32_MAX = 3.4e38
MAX_THREADS = 1024
MAX_PIXELS = 1024


class Optimizer(Enum):
    """The gradient descent method; `muon` takes AdamW for the first and the last layer."""

    sgd = "sgd"
    adam = "adam"
    adamw = "adamw"
    muon = "muon"


class Schedule(Enum):
    """How the learning rate changes during training."""

    constant = "constant"
    one_cycle = "one_cycle"


class Selection(Enum):
    """The images that choose the best epoch: held out from training, or the test set itself."""

    validation = "validation"
    test = "test"


class Device(Enum):
    """Where training runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Precision(Enum):
    """The type that convolutions and matrix products are computed in during training.

    Weights stay float32, and the exported model computes in float32. `auto` is bfloat16 where
    the processor multiplies its matrices in hardware (AMX, or a GPU), float32 elsewhere: there
    bfloat16 was measured to be slower.
    """

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class MemoryFormat(Enum):
    """The order of images in memory during training: channels last or channels first."""

    channels_last = "channels_last"
    contiguous = "contiguous"


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentationSpec:
    """Changes to training images, drawn anew for each batch.

    `crop_padding` pixels of black are added on each side and the old size is cut out at random;
    with `cutout_probability` a square of `cutout_size` pixels is blackened somewhere.
    """

    horizontal_flip: bool = False
    crop_padding: int = 0
    cutout_size: int = 0
    cutout_probability: float = 1.0

    def __post_init__(self) -> None:
        key = "trainer.augmentation"
        for name in ("crop_padding", "cutout_size"):
            size = getattr(self, name)
            require(
                0 <= size <= MAX_PIXELS,
                f"is {size}; expected 0 to {MAX_PIXELS} pixels",
                where=f"{key}.{name}",
            )
        require(
            0 <= self.cutout_probability <= 1,
            f"is {self.cutout_probability}; expected 0 to 1",
            where=f"{key}.cutout_probability",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class NoTrainerSpec:
    """No training: weights as they are given, or drawn from the seed.

    `threads` None means all cores this process may use.
    """

    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        _require_setup(self.seed, self.threads)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerSpec:
    """How a module is trained.

    `threads` None means all cores this process may use. `max_steps` and `max_minutes` end
    training before `epochs` do; the schedule follows `max_steps`, not the clock. `ema_decay` is
    the part of the averaged weights that one step keeps. `checkpoint_seconds` is the least time
    between two checkpoints inside an epoch.
    """

    optimizer: Optimizer
    lr: float
    weight_decay: float
    batch_size: int
    epochs: int
    momentum: float = 0.0
    nesterov: bool = False
    max_steps: int | None = None
    max_minutes: float | None = None
    schedule: Schedule = Schedule.constant
    warmup_fraction: float = 0.3
    label_smoothing: float = 0.0
    ema_decay: float | None = None
    augmentation: AugmentationSpec = AugmentationSpec()
    selection: Selection = Selection.validation
    validation_fraction: float = 0.0
    seed: int = 0
    threads: int | None = None
    device: Device = Device.auto
    precision: Precision = Precision.auto
    memory_format: MemoryFormat = MemoryFormat.channels_last
    compile: bool = False
    checkpoint_seconds: float = 30.0
    tensorboard: Path | None = None

    def __post_init__(self) -> None:
        _require_setup(self.seed, self.threads)
        self._require_optimization()
        self._require_duration()
        self._require_selection()

    def _require_optimization(self) -> None:
        require(
            0 < self.lr < FLOAT32_MAX, f"is {self.lr}; expected more than 0", where="trainer.lr"
        )
        require(
            0 <= self.momentum < 1,
            f"is {self.momentum}; expected 0 <= momentum < 1",
            where="trainer.momentum",
        )
        require(
            0 <= self.weight_decay < FLOAT32_MAX,
            f"is {self.weight_decay}; expected at least 0",
            where="trainer.weight_decay",
        )
        require(
            self.momentum == 0 or self.optimizer is Optimizer.sgd,
            f"is {self.momentum}; {self.optimizer.value} has none",
            where="trainer.momentum",
            remedy="leave it out, or set trainer.optimizer=sgd",
        )
        require(
            self.momentum > 0 or not self.nesterov,
            "is true, and there is no momentum",
            where="trainer.nesterov",
            remedy="leave it out, or set trainer.momentum",
        )
        for key in ("label_smoothing", "ema_decay", "warmup_fraction"):
            value = getattr(self, key)
            require(
                value is None or 0 <= value < 1,
                f"is {value}; expected 0 <= {key} < 1",
                where=f"trainer.{key}",
            )

    def _require_duration(self) -> None:
        for key in ("batch_size", "epochs", "max_steps"):
            value = getattr(self, key)
            require(
                value is None or value >= 1,
                f"is {value}; expected at least 1",
                where=f"trainer.{key}",
            )
        require(
            self.max_minutes is None or 0 < self.max_minutes < math.inf,
            f"is {self.max_minutes}; expected more than 0",
            where="trainer.max_minutes",
        )
        require(
            self.checkpoint_seconds >= 0,
            f"is {self.checkpoint_seconds}; expected at least 0",
            where="trainer.checkpoint_seconds",
        )

    def _require_selection(self) -> None:
        low_is_ok = self.selection is Selection.test
        require(
            (low_is_ok or self.validation_fraction > 0) and 0 <= self.validation_fraction < 1,
            f"is {self.validation_fraction}; expected a part between 0 and 1",
            where="trainer.validation_fraction",
            remedy="set for example trainer.validation_fraction=0.1",
        )


def _require_setup(seed: int, threads: int | None) -> None:
    require(
        0 <= seed < 2**63,
        f"is {seed}; expected at least 0 and less than 2**63",
        where="trainer.seed",
    )
    require(
        threads is None or 1 <= threads <= MAX_THREADS,
        f"is {threads}; expected 1 to {MAX_THREADS}",
        where="trainer.threads",
    )
