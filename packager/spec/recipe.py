"""A recipe: one model from data to serving."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from packager.spec.dataset import DatasetSpec
from packager.spec.serving import ServingSpec
from packager.spec.tensors import TensorSpec
from packager.spec.training import ArchitectureSpec, TrainerSpec
from packager.spec.validity import require

MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}")


class ExportMethod(Enum):
    """How a module becomes TorchScript: compiled from source, and optionally frozen."""

    script = "script"
    freeze = "freeze"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """One model: what it is, what it learns from, and how it is served."""

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    dataset: DatasetSpec
    architecture: ArchitectureSpec
    trainer: TrainerSpec
    serving: ServingSpec
    export_method: ExportMethod = ExportMethod.freeze

    def __post_init__(self) -> None:
        require(
            MODEL_NAME.fullmatch(self.name) is not None,
            f"'{self.name}' is not a safe model name",
            where="name",
            remedy="use at most 128 letters, digits, _ - and . with a letter or digit first",
        )
        for source in self.dataset.sources:
            source.require_every_role()
        names = [tensor.name for tensor in (*self.inputs, *self.outputs)]
        for name in names:
            require(
                names.count(name) == 1,
                f"two tensors are named '{name}'",
                where="inputs/outputs",
                remedy="give each its own name",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class RepositorySpec:
    """A model repository on disk; work in progress is staged in `staging`, never in `path`."""

    path: Path
    staging: Path
