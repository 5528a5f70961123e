"""Export in a process of its own: the same module gives the same bytes, whatever ran before.

torch numbers the types that it compiles and writes the numbers into the archive, so that a second
export in one process differs from the first.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from packager.architectures.rebuild import ModuleSource, rebuild
from packager.export import child, torchscript
from packager.export.preprocessing import with_preprocessing
from packager.spec.dataset import NormalizeSpec
from packager.spec.recipe import ExportForm

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportSource:
    """All that an artifact follows from; `takes_pixels` puts scaling and `normalize` into it."""

    module: ModuleSource
    form: ExportForm
    takes_pixels: bool
    normalize: NormalizeSpec | None


def export(source: ExportSource, path: Path) -> None:
    """Write to `path` the artifact of a module that is rebuilt in a fresh process.

    Raises:
        SpecError, ProofError: the module cannot be made there, or is not TorchScript.
        PackagerError: that process ended otherwise.
    """
    child.call("packager.export.fresh_process", source, path, does="exports")


def exported_module(source: ExportSource) -> nn.Module:
    """Return the module that the artifact must answer as."""
    module = rebuild(source.module)
    return with_preprocessing(module, source.normalize).eval() if source.takes_pixels else module


def _export(source: ExportSource, path: Path) -> None:
    _name_sources_by_package()
    torchscript.export(exported_module(source), form=source.form, path=path)


def _name_sources_by_package() -> None:
    """Let TorchScript note source files as imports name them, not where they lie on this machine.

    It writes them into the archive, for what it says of errors: torch has no setting for that.
    """
    made = torch._sources.make_source_context  # noqa: SLF001

    def named(source: str, file: str | None, *rest: Any) -> Any:
        return made(source, file and _in_package(Path(file)), *rest)

    for module in (torch._sources, torch.jit.frontend):  # noqa: SLF001
        module.make_source_context = named  # type: ignore[attr-defined]


def _in_package(file: Path) -> str:
    """Return a source file's path in the deepest folder that modules are imported from."""
    folders = [Path(entry or ".").absolute() for entry in sys.path]
    inside = [file.relative_to(one) for one in folders if file.is_relative_to(one)]
    return min(inside, key=lambda path: len(path.parts), default=Path(file.name)).as_posix()


if __name__ == "__main__":
    child.serve(_export)
