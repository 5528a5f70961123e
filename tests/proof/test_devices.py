"""Devices in an artifact: found wherever they are written, with the user's own line."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest
import torch

from packager.errors import ProofError
from packager.export.torchscript import load
from packager.proof.devices import device_uses, require_portable
from packager.spec.serving import InstanceKind
from tests.training.images import tiny

from . import misfits
from .artifacts import FORMS, artifact

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from packager.spec.recipe import ExportForm

CPU, GPU, AUTO = InstanceKind.KIND_CPU, InstanceKind.KIND_GPU, InstanceKind.KIND_AUTO


def _traced(module: nn.Module, folder: Path) -> torch.jit.ScriptModule:
    traced = torch.jit.trace(module, torch.rand(2, 4))  # type: ignore[no-untyped-call]
    traced.save(folder / "traced.pt")
    return load(folder / "traced.pt")


def _line_of(kind: object, text: str) -> str:
    """Return `file:line` of a text in the source of a class or function."""
    lines, first = inspect.getsourcelines(kind)  # type: ignore[arg-type]
    (number,) = (index for index, line in enumerate(lines) if text in line)
    return f"{misfits.__file__}:{first + number}"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("module", "place"),
    [
        (misfits.OnGpu(), _line_of(misfits._moved, "cuda:0")),
        (misfits.OnNamedDevice(), _line_of(misfits.OnNamedDevice, "x.to(")),
        (misfits.OnDevice(), _line_of(misfits.OnDevice, "x.to(")),
        (misfits.Inside(misfits.OnGpu()), _line_of(misfits._moved, "cuda:0")),
    ],
    ids=["a function", "a name", "an attribute", "a part's part"],
)
def test_a_gpu_in_the_graph_is_refused_with_its_line(
    module: nn.Module, place: str, form: ExportForm, tmp_path: Path
) -> None:
    """In a function, an attribute, a part and a method of its own; frozen or not."""
    made = artifact(module, tmp_path, form=form)
    for kind in InstanceKind:
        with pytest.raises(ProofError, match="device 'cuda:0' is written into") as caught:
            require_portable(made, [kind])
        assert caught.value.where == place
        assert "x.device" in caught.value.remedy


@pytest.mark.parametrize("kinds", [(GPU,), (AUTO,), (CPU, GPU)])
def test_a_traced_cpu_is_refused_where_instances_may_lie_on_a_gpu(
    kinds: tuple[InstanceKind, ...], tmp_path: Path
) -> None:
    """Its line is the module's, not that of torch's tracer; for the CPU alone it is right."""
    traced = _traced(misfits.Offset(), tmp_path)
    require_portable(traced, [CPU])
    with pytest.raises(ProofError, match="device 'cpu' is written into") as caught:
        require_portable(traced, kinds)
    assert caught.value.where == _line_of(misfits.Offset, "torch.arange")


def test_a_script_follows_its_input(tmp_path: Path) -> None:
    """The same module, not traced, has no device in it."""
    assert device_uses(artifact(misfits.Offset(), tmp_path)) == []
    require_portable(artifact(tiny(), tmp_path), [GPU])


def test_a_tensor_made_without_a_device_is_on_the_cpu(tmp_path: Path) -> None:
    """A GPU's instance would add the two."""
    made = artifact(misfits.OffsetAnywhere(), tmp_path)
    require_portable(made, [CPU])
    with pytest.raises(ProofError, match="KIND_AUTO on a GPU") as caught:
        require_portable(made, [AUTO])
    assert re.search(r"misfits\.py:\d+$", caught.value.where)


@pytest.mark.parametrize("module", [misfits.Windowed(), misfits.Listed(), misfits.Drawn()])
def test_whatever_makes_a_tensor_without_a_device_is_found(module: nn.Module) -> None:
    """By the operators' own signatures, not by a list of names."""
    assert [use.kind for use in device_uses(torch.jit.script(module))] == ["cpu"]


def test_what_follows_a_tensor_is_not_on_the_cpu() -> None:
    """Made like another, a single number, or sent after the input."""
    assert device_uses(torch.jit.script(misfits.Followed())) == []
