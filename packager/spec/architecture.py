"""Which module is packaged: its layers, its name or its file, and the weights it starts from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packager.spec.validity import require

CLASS_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsSpec:
    """A state dict on disk; entries whose names begin with one of `skip` are not loaded."""

    path: Path
    skip: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerSpec:
    """A layer by its `torch.nn` name with its keyword arguments; input sizes may be left out."""

    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class LayersSpec:
    """A feed-forward stack of layers, applied in order."""

    layers: tuple[LayerSpec, ...]
    weights: WeightsSpec | None = None

    def __post_init__(self) -> None:
        require(bool(self.layers), "no layers are given", where="architecture.layers")


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchvisionSpec:
    """One of torchvision's classification models, with a stem and a head for the data."""

    name: str
    weights: WeightsSpec | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleClassSpec:
    """The user's own `nn.Module` as `package.module:Class`, from a package that is trusted."""

    path: str
    arguments: Mapping[str, object]
    trusted_packages: tuple[str, ...]
    weights: WeightsSpec | None = None

    def __post_init__(self) -> None:
        key = "architecture.module_class"
        require(
            CLASS_PATH.fullmatch(self.path) is not None,
            f"'{self.path}' is no class",
            where=key,
            remedy="write it as package.module:Class",
        )
        package = self.module.partition(".")[0]
        require(
            any(f"{self.module}.".startswith(f"{name}.") for name in self.trusted_packages),
            f"imports and runs code of '{package}', which is not trusted",
            where=key,
            remedy=f"if you trust it, set trusted_packages=[{package}]",
        )

    @property
    def module(self) -> str:
        """The module to import."""
        return self.path.partition(":")[0]

    @property
    def class_name(self) -> str:
        """The class in it."""
        return self.path.partition(":")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchScriptSpec:
    """A TorchScript file, packaged as it is."""

    path: Path


ArchitectureSpec = LayersSpec | TorchvisionSpec | ModuleClassSpec | TorchScriptSpec
