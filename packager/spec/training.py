"""What is trained, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from packager.spec.validity import require

FLOAT32_MAX = 3.4e38
MAX_THREADS = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerSpec:
    """A layer by its `torch.nn` name with its keyword arguments; input sizes may be left out."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchitectureSpec:
    """A feed-forward stack of layers, applied in order."""

    layers: tuple[LayerSpec, ...]

    def __post_init__(self) -> None:
        require(bool(self.layers), "no layers are given", where="architecture.layers")


class Optimizer(Enum):
    """The gradient descent method."""

    sgd = "sgd"
    adam = "adam"
    adamw = "adamw"


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


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainerSpec:
    """How a module is trained; `threads` None means all cores this process may use."""

    optimizer: Optimizer
    lr: float
    weight_decay: float
    batch_size: int
    epochs: int
    momentum: float = 0.0
    schedule: Schedule = Schedule.constant
    selection: Selection = Selection.validation
    validation_fraction: float = 0.0
    seed: int = 0
    threads: int | None = None
    device: Device = Device.auto

    def __post_init__(self) -> None:
        for key, low in (("batch_size", 1), ("epochs", 1), ("seed", 0), ("threads", 1)):
            value = getattr(self, key)
            require(
                value is None or value >= low,
                f"is {value}; expected at least {low}",
                where=f"trainer.{key}",
            )
        require(
            0 < self.lr < FLOAT32_MAX, f"is {self.lr}; expected more than 0", where="trainer.lr"
        )
        require(
            self.threads is None or self.threads <= MAX_THREADS,
            f"is {self.threads}; expected 1 to {MAX_THREADS}",
            where="trainer.threads",
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
            self.seed < 2**63, f"is {self.seed}; expected less than 2**63", where="trainer.seed"
        )
        low_is_ok = self.selection is Selection.test
        require(
            (low_is_ok or self.validation_fraction > 0) and 0 <= self.validation_fraction < 1,
            f"is {self.validation_fraction}; expected a part between 0 and 1",
            where="trainer.validation_fraction",
            remedy="set for example trainer.validation_fraction=0.1",
        )
