"""TorchScript: the one format that Triton's libtorch backend batches."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import torch
from torch import nn

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
        except (RuntimeError, OSError, torch.jit.frontend.NotSupportedError) as error:
            raise ProofError(
                f"the module cannot be compiled to TorchScript: {_first_line(error)}",
                where="architecture",
                remedy="replace the layer that TorchScript does not know",
            ) from error
        if method is ExportMethod.freeze:
            scripted = torch.jit.freeze(scripted)
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
                f"is no TorchScript archive: {_first_line(error)}",
                where=path.name,
                remedy="save it with torch.jit.save, not torch.save",
            ) from error
    return loaded


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].rstrip(":.")
