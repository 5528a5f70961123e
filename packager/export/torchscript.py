"""TorchScript: the one format that Triton's libtorch backend batches."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from packager.architectures.telling import compiler_said, first_line
from packager.errors import ProofError
from packager.export import bfloat16, channels_last
from packager.spec.recipe import ExportForm

if TYPE_CHECKING:
    from pathlib import Path


def export(module: nn.Module, *, form: ExportForm, path: Path) -> None:
    """Compile a module in evaluation mode to TorchScript and write it to `path` in a form.

    All but `none` are frozen, their weights folded in as constants. Each saves to the same bytes in
    every fresh process; later in one process torch numbers its types otherwise, which shows there.

    Raises:
        ProofError: the module's code is not TorchScript.
    """
    with warnings.catch_warnings():
        # torch deprecates TorchScript; Triton's libtorch batches nothing else.
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*")
        try:
            scripted = torch.jit.script(module.eval())
            if form is not ExportForm.none:
                scripted = torch.jit.freeze(scripted)
        except Exception as error:
            # The compiler reads users' source, and raises whatever it stumbles over there.
            raise ProofError(
                f"the module cannot be compiled to TorchScript: {compiler_said(error)}",
                where="architecture",
                remedy="replace what TorchScript does not know, or trace the module yourself and"
                " package the file with architecture=torchscript",
            ) from error
        _shape(scripted, form)
        # By way of memory: torch tells a full disk as a fault of its own.
        buffer = io.BytesIO()
        torch.jit.save(scripted, buffer)
    path.write_bytes(buffer.getvalue())


def _shape(scripted: Any, form: ExportForm) -> None:
    """Give a frozen module's graph its form."""
    if form in {ExportForm.none, ExportForm.freeze} or not scripted._c._has_method("forward"):  # noqa: SLF001  torch has no public way
        return
    graph = scripted.graph
    channels_last.apply(graph)
    if form is ExportForm.bfloat16:
        bfloat16.apply(graph)
    torch._C._jit_pass_dce(graph)  # noqa: SLF001  constants that others took the place of


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
