"""The module to be packaged, and the weights it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.resolve.checks import ARCHITECTURES
from packager.spec.architecture import (
    ArchitectureSpec,
    LayerSpec,
    LayersSpec,
    ModuleClassSpec,
    TorchScriptSpec,
    TorchvisionSpec,
    WeightsSpec,
)

if TYPE_CHECKING:
    from packager import schema

WORDS = {
    "torchvision": "resnet18",
    "module_class": "package.module:Class",
    "torchscript": "PATH",
}
"""What is written for each kind."""


def architecture_spec(
    config: schema.ArchitectureConfig, trusted_packages: list[str]
) -> ArchitectureSpec:
    """Return the one architecture that is given.

    Raises:
        SpecError: two are given, one is left open, or values that belong to another kind.
    """
    given = [key for key in ARCHITECTURES if getattr(config, key) is not None]
    if len(given) > 1:
        raise SpecError(
            f"{' and '.join(given)} are given; expected one of them",
            where="architecture",
            remedy="set the others to null",
        )
    _require_value(config, given[0])
    _refuse_strays(config, given[0])
    weights = _weights(config.weights)
    if config.torchscript is not None:
        return TorchScriptSpec(path=_path(config.torchscript))
    if config.torchvision is not None:
        return TorchvisionSpec(name=config.torchvision, weights=weights)
    if config.module_class is not None:
        return ModuleClassSpec(
            path=config.module_class,
            arguments=dict(config.arguments),
            trusted_packages=tuple(trusted_packages),
            weights=weights,
        )
    layers = config.layers or []
    return LayersSpec(
        layers=tuple(
            _layer(layer, f"architecture.layers[{index}]") for index, layer in enumerate(layers)
        ),
        weights=weights,
    )


def _require_value(config: schema.ArchitectureConfig, kind: str) -> None:
    """Refuse a choice whose value was left open, "": OmegaConf drops `???` in favour of null."""
    if getattr(config, kind) == "":
        raise SpecError(
            "a value is missing",
            where=f"architecture.{kind}",
            remedy="set it in the recipe or on the command line:"
            f" architecture.{kind}={WORDS[kind]}",
        )


def _refuse_strays(config: schema.ArchitectureConfig, kind: str) -> None:
    if config.arguments and kind != "module_class":
        raise SpecError(
            f"are given, and {kind} takes none",
            where="architecture.arguments",
            remedy="leave them out",
        )
    weights = config.weights
    if weights is not None and weights.skip and not weights.path:
        raise SpecError(
            "is given, and no weights are",
            where="architecture.weights.skip",
            remedy="give architecture.weights.path, or leave it out",
        )
    if weights is not None and weights.path and kind == "torchscript":
        raise SpecError(
            "are given, and a TorchScript file holds its own",
            where="architecture.weights",
            remedy="leave them out",
        )


def _weights(config: schema.WeightsConfig | None) -> WeightsSpec | None:
    if config is None or not config.path:
        return None
    return WeightsSpec(path=_path(config.path), skip=tuple(config.skip))


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _layer(layer: object, where: str) -> LayerSpec:
    if isinstance(layer, str):
        return LayerSpec(name=layer, arguments={})
    if isinstance(layer, Mapping) and len(layer) == 1:
        ((name, arguments),) = layer.items()
        if isinstance(name, str) and isinstance(arguments, Mapping | None):
            return LayerSpec(name=name, arguments=dict(arguments or {}))
    raise SpecError(
        f"is {layer!r}; expected a layer's name, or its name with its arguments",
        where=where,
        remedy="write ReLU, or Conv2d: {out_channels: 25, kernel_size: 3}",
    )
