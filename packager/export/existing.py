"""A TorchScript file that exists already, packaged byte for byte once it is known to be fit."""

from __future__ import annotations

import shutil
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import torch

from packager.architectures.telling import first_line
from packager.architectures.torch_file import FileKind, kind_of, require_file
from packager.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.architecture import TorchScriptSpec

KEY = "architecture.torchscript"
SAVE_IT = "torch.jit.script(module.eval()).save(PATH)"

MODE_ARGUMENTS = {
    "aten::dropout": 2,
    "aten::dropout_": 2,
    "aten::feature_dropout": 2,
    "aten::alpha_dropout": 2,
    "aten::feature_alpha_dropout": 2,
    "aten::rrelu": 3,
    "aten::batch_norm": 5,
}
"""Operators that a trace keeps in training mode, and which of their arguments says so.

Source: torch, `aten/src/ATen/native/native_functions.yaml`.
"""


def copy_in(spec: TorchScriptSpec, path: Path) -> None:
    """Copy the file to `path` unchanged; what is checked is the copy.

    Raises:
        SpecError: no TorchScript, cut short, or in training mode; `path` is not there then.
        OSError: `path` cannot be written.
    """
    require_file(spec.path, where=KEY)
    shutil.copyfile(spec.path, path)
    try:
        _require_torchscript(path, told=spec.path)
        _require_evaluation(_load(path, told=spec.path), told=spec.path)
    except SpecError:
        path.unlink()
        raise


def _require_torchscript(path: Path, *, told: Path) -> None:
    kind = kind_of(path)
    if kind is FileKind.torchscript:
        _require_checksums(path, told=told)
        return
    if kind is FileKind.cut_short:
        raise _damaged(told, "the end of its archive is missing")
    remedies = {
        FileKind.saved: "torch.load it where it was made and save it as TorchScript:"
        f" {SAVE_IT}; a state dict goes to architecture.weights.path",
        FileKind.exported: "Triton's libtorch batches TorchScript only: save the module itself"
        f" with {SAVE_IT}",
        FileKind.other: f"save it with {SAVE_IT}",
    }
    raise SpecError(
        f"{told} is no TorchScript file but one of {kind.value}", where=KEY, remedy=remedies[kind]
    )


def _require_checksums(path: Path, *, told: Path) -> None:
    """Check every part of the archive: torch loads weights without."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _damaged(told, first_line(error)) from error
    if damaged is not None:
        raise _damaged(told, f"{damaged} in it does not have the checksum it was written with")


def _load(path: Path, *, told: Path) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():
        # torch deprecates TorchScript; Triton's libtorch batches nothing else.
        warnings.filterwarnings("ignore", message=r".*torch\.jit.*")
        try:
            module: torch.jit.ScriptModule = torch.jit.load(  # type: ignore[no-untyped-call]
                str(path), map_location="cpu"
            )
        except Exception as error:
            # Damaged bytes: torch raises whatever they lead it to.
            raise _damaged(told, first_line(error)) from error
    if not module._c._has_method("forward"):  # noqa: SLF001  torch has no public way
        raise SpecError(f"{told} has no forward()", where=KEY, remedy=f"save it with {SAVE_IT}")
    return module


def _damaged(path: Path, reason: str) -> SpecError:
    return SpecError(
        f"{path} is cut short or cannot be loaded: {reason}",
        where=KEY,
        remedy=f"copy it again, or save it again with {SAVE_IT}",
    )


def _require_evaluation(module: torch.jit.ScriptModule, *, told: Path) -> None:
    """Refuse a file whose module, a part of it or an operator is in training mode."""
    training = [
        name or "the whole module"
        for name, part in module.named_modules()
        # A frozen module has no such attribute.
        if getattr(part, "training", False) is True
    ]
    if training:
        raise SpecError(
            f"{told} is in training mode: {', '.join(training)}",
            where=KEY,
            remedy=f"save it in evaluation mode: {SAVE_IT}",
        )
    operators = sorted(training_operators(module))
    if operators:
        raise SpecError(
            f"{told} was traced in training mode: {', '.join(operators)} stay in it",
            where=KEY,
            remedy="trace it in evaluation mode:"
            " torch.jit.trace(module.eval(), example).save(PATH)",
        )


def training_operators(module: torch.jit.ScriptModule) -> set[str]:
    """Return the operators that training mode is written into as a constant."""
    graph: Any = module.inlined_graph
    return {
        kind.removeprefix("aten::")
        for kind, position in MODE_ARGUMENTS.items()
        for node in graph.findAllNodes(kind)
        # None where it is computed, as from `self.training`.
        if list(node.inputs())[position].toIValue() is True
    }
