"""TorchScript: the one format that Triton's libtorch backend batches."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import torch
from torch import nn

from packager.architectures.telling import compiler_said, first_line
from packager.errors import ProofError
from packager.spec.recipe import ExportMethod

if TYPE_CHECKING:
    from pathlib import Path


def export(module: nn.Module, *, method: ExportMethod, path: Path) -> None:
    """Compile a module in evaluation mode to TorchScript and write it to `path`.

    Frozen modules have their weights folded in as constants. They save to the same bytes in every
    fresh process; later in one process torch numbers its types otherwise, which the bytes show.

    Raises:
        ProofError: the module's code is not TorchScript.
    """
    with warnings.catch_warnings():
        # torch deprecates TorchScript; Triton's libtorch batches nothing else.
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*")
        try:
            scripted = torch.jit.script(module.eval())
            if method is ExportMethod.freeze:
                scripted = torch.jit.freeze(scripted)
        except Exception as error:
            # The compiler reads users' source, and raises whatever it stumbles over there.
            raise ProofError(
                f"the module cannot be compiled to TorchScript: {compiler_said(error)}",
                where="architecture",
                remedy="replace what TorchScript does not know, or trace the module yourself and"
                " package the file with architecture=torchscript",
            ) from error
        # By way of memory: torch tells a full disk as a fault of its own.
        buffer = io.BytesIO()
        torch.jit.save(scripted, buffer)
    path.write_bytes(buffer.getvalue())


def load(path: Path) -> torch.jit.ScriptModule:
    """Load an artifact onto the CPU, as libtorch does.

    Raises:
        ProofError: the file is no TorchScript archive, or is cut short.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*")
        try:
            loaded: torch.jit.ScriptModule = torch.jit.load(  # type: ignore[no-untyped-call]
                str(path), map_location="cpu"
            )
        except (RuntimeError, ValueError) as error:
            raise ProofError(
                f"is no TorchScript archive: {first_line(error)}",
                where=path.name,
                remedy="save it with torch.jit.save, not torch.save",
            ) from error
    return loaded
