"""A module made again, the very same in every process, from what decides it."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from packager.architectures.build import build
from packager.spec.architecture import LayersSpec, ModuleClassSpec, TorchvisionSpec

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True, slots=True)
class ModuleSource:
    """All that a module with its weights follows from; see `build` for shape and classes.

    `state` is a state dict as torch saves it, None where the weights are the architecture's own
    file, or drawn from the seed.
    """

    architecture: LayersSpec | TorchvisionSpec | ModuleClassSpec
    sample_shape: tuple[int, ...] | None
    classes: int | None
    seed: int
    state: bytes | None = None


def rebuild(source: ModuleSource) -> nn.Module:
    """Return the module in evaluation mode, on the CPU.

    Raises:
        SpecError: as `build` does.
    """
    torch.manual_seed(source.seed)
    architecture = source.architecture
    if source.state is not None:
        architecture = dataclasses.replace(architecture, weights=None)
    module = build(architecture, sample_shape=source.sample_shape, classes=source.classes)
    if source.state is not None:
        module.load_state_dict(torch.load(io.BytesIO(source.state), weights_only=True))
    return module.eval()


def state_of(module: nn.Module) -> bytes:
    """Return a module's state dict as torch saves it, to be loaded with `weights_only`."""
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    return buffer.getvalue()
