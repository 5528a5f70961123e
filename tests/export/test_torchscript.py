"""Exporting: answers stay, bytes repeat, and what is no TorchScript is told."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from packager.architectures.layers import build_sequential
from packager.datasets.samples import first
from packager.errors import ProofError, UnavailableError
from packager.export.dtypes import DATA_TYPES, TORCH_DTYPES
from packager.export.torchscript import export, load
from packager.spec.architecture import LayersSpec
from packager.spec.recipe import ExportForm
from packager.spec.tensors import DataType
from tests.model_config.composing import recipe
from tests.proof.artifacts import EXACT, FORMS
from tests.repository.mounts import needs_mount, tmpfs
from tests.training.images import IMAGE, tiny

from .modules import UNCOMPILABLE, without_source

if TYPE_CHECKING:
    from pathlib import Path

    from packager.datasets.load import Dataset


def _fashion() -> nn.Sequential:
    torch.manual_seed(0)
    architecture = recipe("model=fashion_cnn").architecture
    assert isinstance(architecture, LayersSpec)
    module = build_sequential(architecture, sample_shape=IMAGE)
    module(torch.rand(8, *IMAGE))  # so that batch norm has seen something
    return module


@pytest.mark.parametrize("form", EXACT)
def test_an_artifact_answers_as_its_module(
    form: ExportForm, images: Dataset, tmp_path: Path
) -> None:
    """On real images, in evaluation mode even if the module was still in training."""
    module = _fashion().train()
    export(module, form=form, path=tmp_path / "model.pt")
    batch = first(images.test, 64).images.float() / 255
    with torch.inference_mode():
        expected, found = module.eval()(batch), load(tmp_path / "model.pt")(batch)
    assert torch.allclose(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


REPEATED = """
import hashlib, sys, torch
from pathlib import Path
from packager.export.torchscript import export
from packager.spec.architecture import LayersSpec
from packager.spec.recipe import ExportForm
torch.manual_seed(0)
module = torch.nn.Sequential(torch.nn.Linear(9, 9), torch.nn.BatchNorm1d(9), torch.nn.ReLU())
export(module, form=ExportForm.freeze, path=Path(sys.argv[1]))
"""


def test_two_processes_save_a_frozen_module_to_the_same_bytes(tmp_path: Path) -> None:
    """Two builds on one machine, under two paths."""
    for name in ("one.pt", "two.pt"):
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", REPEATED, str(tmp_path / name)],
            check=True,
            timeout=120,
        )
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "two.pt").read_bytes()


def test_only_a_scripted_module_keeps_its_parameters(tmp_path: Path) -> None:
    """Frozen weights are constants."""
    counts = {}
    for form in FORMS:
        path = tmp_path / f"{form.value}.pt"
        export(tiny(), form=form, path=path)
        counts[form] = len(list(load(path).parameters()))
    assert counts == dict.fromkeys(FORMS, 0) | {ExportForm.none: 6}


def test_an_artifact_runs_without_packager(tmp_path: Path) -> None:
    """The archive holds all code: libtorch knows none of ours."""
    path = tmp_path / "model.pt"
    module = nn.Sequential(tiny(), nn.Identity())
    export(module, form=ExportForm.freeze, path=path)
    code = (
        "import sys, torch; m = torch.jit.load(sys.argv[1]);"
        "print(tuple(m(torch.zeros(3, 1, 28, 28)).shape), 'packager' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "(3, 10) False\n"


@pytest.mark.parametrize("kind", UNCOMPILABLE)
def test_a_module_that_does_not_compile_is_told(kind: type[nn.Module], tmp_path: Path) -> None:
    """With a reason, and nothing is written."""
    with pytest.raises(ProofError, match="cannot be compiled to TorchScript") as caught:
        export(kind(), form=ExportForm.freeze, path=tmp_path / "model.pt")
    assert re.search(r"TorchScript: [\w']", caught.value.problem), caught.value.problem
    assert list(tmp_path.iterdir()) == []


class NormOfRows(nn.Module):
    """Calls what TorchScript knows with other arguments."""

    def forward(self, x: Tensor) -> Any:  # noqa: D102  see the class
        return x.norm(dim=1)


def test_the_line_that_does_not_compile_is_told(tmp_path: Path) -> None:
    """In the user's own file."""
    with pytest.raises(ProofError, match=rf"Arguments for call are not valid \({__file__}:\d+\)"):
        export(NormOfRows(), form=ExportForm.freeze, path=tmp_path / "model.pt")


def test_a_module_without_source_is_told(tmp_path: Path) -> None:
    """TorchScript compiles source; a class that is in no file has none."""
    with pytest.raises(ProofError, match="cannot be compiled to TorchScript"):
        export(without_source(), form=ExportForm.freeze, path=tmp_path / "model.pt")


def _whole_archive(path: Path) -> bytes:
    export(tiny(), form=ExportForm.freeze, path=path)
    return path.read_bytes()


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_archive_is_told(part: float, tmp_path: Path) -> None:
    """Wherever it ends."""
    path = tmp_path / "model.pt"
    content = _whole_archive(path)
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ProofError, match="no TorchScript archive") as caught:
        load(path)
    assert caught.value.where == "model.pt"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_state_dict_is_told(zipped: bool, tmp_path: Path) -> None:
    """The usual mistake; the remedy names the right call."""
    path = tmp_path / "model.pt"
    torch.save(tiny().state_dict(), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ProofError, match="no TorchScript archive") as caught:
        load(path)
    assert "torch.jit.save" in caught.value.remedy


def test_a_text_file_is_told(tmp_path: Path) -> None:
    """Whatever its name says."""
    path = tmp_path / "model.pt"
    path.write_text("weights\n" * 100)
    with pytest.raises(ProofError, match="no TorchScript archive"):
        load(path)


FULL_DISK = """
import sys
from pathlib import Path
from torch import Tensor, nn
from packager.errors import UnavailableError
from packager.export.torchscript import export
from packager.spec.architecture import LayersSpec
from packager.spec.recipe import ExportForm
try:
    export(nn.Linear(1000, 1000), form=ExportForm.freeze, path=Path(sys.argv[1]))
except (UnavailableError, OSError) as error:
    print(type(error).__name__)
"""


@needs_mount
def test_a_full_disk_is_unavailable(tmp_path: Path) -> None:
    """In a process of its own: torch's writer must not take the interpreter with it."""
    with tmpfs(tmp_path, "size=1m"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FULL_DISK, str(tmp_path / "model.pt")],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr[:300]
    assert done.stdout.strip() in {UnavailableError.__name__, OSError.__name__}


def test_data_types_map_both_ways() -> None:
    """What libtorch maps, and not what it refuses."""
    assert {DATA_TYPES[TORCH_DTYPES[data_type]] for data_type in TORCH_DTYPES} == set(TORCH_DTYPES)
    refused = {DataType.BF16, DataType.BYTES, DataType.UINT16, DataType.UINT32, DataType.UINT64}
    assert set(DataType) - set(TORCH_DTYPES) == refused
    for data_type, dtype in TORCH_DTYPES.items():
        bits = int("".join(filter(str.isdigit, data_type.value)) or 8)
        assert torch.empty(0, dtype=dtype).element_size() * 8 == bits
