"""A file that exists already: its bytes are copied, or it is refused with what to do."""

# ruff: noqa: D102 - each class says what its forward does

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from packager.errors import SpecError
from packager.export.existing import copy_in
from packager.export.torchscript import load
from packager.spec.architecture import TorchScriptSpec
from tests.model_config.composing import job


class Always(nn.Module):
    """Drops out whatever its mode, by mistake: functional.dropout's default."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.5)


class Silent(nn.Module):
    """Has another method, and no forward."""

    @torch.jit.export
    def score(self, x: Tensor) -> Tensor:
        return x


def net() -> nn.Sequential:
    """Return a module whose mode matters."""
    return nn.Sequential(
        nn.Linear(4, 6), nn.Sequential(nn.BatchNorm1d(6), nn.Dropout()), nn.Linear(6, 3)
    ).eval()


def saved(module: nn.Module, path: Path) -> Path:
    """Write a module as TorchScript in the mode it is in."""
    torch.jit.save(torch.jit.script(module), str(path))
    return path


def traced(module: nn.Module) -> torch.jit.ScriptModule:
    """Follow a module through one example, whatever mode it is in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the batch size that batch norm looks at
        script: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
            module, torch.rand(5, 4), check_trace=False
        )
    return script


def refused(path: Path, tmp_path: Path) -> SpecError:
    """Return what is said of a file; nothing is left where it would have gone."""
    target = tmp_path / "target" / "model.pt"
    target.parent.mkdir(exist_ok=True)
    with pytest.raises(SpecError) as caught:
        copy_in(TorchScriptSpec(path=path), target)
    assert not target.exists()
    assert caught.value.where == "architecture.torchscript"
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("made", ["scripted", "frozen", "traced", "traced and frozen"])
def test_a_file_is_copied_byte_for_byte(made: str, tmp_path: Path) -> None:
    """However it was made; it answers as before."""
    module, x = net(), torch.rand(5, 4)
    script = traced(module) if made.startswith("traced") else torch.jit.script(module)
    script = torch.jit.freeze(script) if made.endswith("frozen") else script
    torch.jit.save(script, str(tmp_path / "mine.pt"))
    copy_in(TorchScriptSpec(path=tmp_path / "mine.pt"), tmp_path / "model.pt")
    assert (tmp_path / "model.pt").read_bytes() == (tmp_path / "mine.pt").read_bytes()
    with torch.inference_mode():
        assert torch.allclose(load(tmp_path / "model.pt")(x), module(x), atol=1e-6)


def test_a_recipe_names_the_file() -> None:
    """From the command line: no data, no training."""
    made = job(
        "name=mine",
        "dataset=none",
        "trainer=none",
        "architecture=torchscript",
        "architecture.torchscript=/models/mine.pt",
        "inputs=[{name: x, dims: [4]}]",
    ).require_recipe()
    assert made.architecture == TorchScriptSpec(path=Path("/models/mine.pt"))


def test_a_module_in_training_mode_is_refused(tmp_path: Path) -> None:
    """Every part that is, by its name."""
    error = refused(saved(net().train(), tmp_path / "mine.pt"), tmp_path)
    assert "is in training mode: the whole module, 0, 1, 1.0, 1.1, 2" in error.problem
    assert "module.eval()" in error.remedy


def test_one_nested_part_in_training_mode_is_enough(tmp_path: Path) -> None:
    """A dropout that someone left on."""
    module = net()
    module.get_submodule("1.1").train()
    error = refused(saved(module, tmp_path / "mine.pt"), tmp_path)
    assert error.problem.endswith("is in training mode: 1.1")


def test_a_trace_of_training_mode_is_refused_although_it_says_eval(tmp_path: Path) -> None:
    """The trace holds the mode as a constant; eval() no longer changes it."""
    script = traced(net().train()).eval()
    torch.jit.save(script, str(tmp_path / "mine.pt"))
    error = refused(tmp_path / "mine.pt", tmp_path)
    assert "traced in training mode: batch_norm, dropout" in error.problem
    assert "torch.jit.trace(module.eval()" in error.remedy


def test_dropout_that_no_mode_turns_off_is_refused(tmp_path: Path) -> None:
    """Answers would differ from call to call."""
    assert "dropout" in refused(saved(Always().eval(), tmp_path / "mine.pt"), tmp_path).problem


def test_a_module_without_forward_is_refused(tmp_path: Path) -> None:
    """Triton calls forward()."""
    error = refused(saved(Silent().eval(), tmp_path / "mine.pt"), tmp_path)
    assert "has no forward()" in error.problem


PARTS = [0.0, 0.0005, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999]


@pytest.mark.parametrize("part", PARTS)
def test_a_truncated_file_is_told_wherever_it_ends(part: float, tmp_path: Path) -> None:
    """And nothing is written."""
    path = saved(net(), tmp_path / "mine.pt")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    error = refused(path, tmp_path)
    assert ("is empty" if part == 0 else "cut short") in error.problem
    assert "again" in error.remedy


def test_weights_overwritten_by_zeros_are_noticed(tmp_path: Path) -> None:
    """A hole in the middle, as a broken download leaves it: the archive's checksums differ."""
    path = saved(net(), tmp_path / "mine.pt")
    weights = load(path).state_dict()["0.weight"].numpy().tobytes()
    path.write_bytes(path.read_bytes().replace(weights, bytes(len(weights))))
    error = refused(path, tmp_path)
    assert "does not have the checksum" in error.problem
    assert "copy it again" in error.remedy


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_a_file_of_torch_save_is_told(zipped: bool, whole: bool, tmp_path: Path) -> None:
    """A pickled module or a state dict, old format or new: what it is, and what to write."""
    path = tmp_path / "mine.pt"
    held = net() if whole else net().state_dict()
    torch.save(held, path, _use_new_zipfile_serialization=zipped)
    error = refused(path, tmp_path)
    assert "no TorchScript file but one of torch.save" in error.problem
    assert "torch.jit.script(module.eval()).save(PATH)" in error.remedy
    assert "architecture.weights.path" in error.remedy


def test_a_program_of_torch_export_is_told(tmp_path: Path) -> None:
    """The format that replaces TorchScript, which Triton does not batch."""
    path = tmp_path / "mine.pt2"
    torch.export.save(torch.export.export(net(), (torch.zeros(2, 4),)), path)
    error = refused(path, tmp_path)
    assert "one of torch.export.save" in error.problem
    assert "Triton's libtorch batches TorchScript only" in error.remedy


def test_other_files_are_told(tmp_path: Path) -> None:
    """Text, a pointer of Git LFS, a folder, and none at all."""
    text, pointer = tmp_path / "text.pt", tmp_path / "lfs.pt"
    text.write_text("weights\n")
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert "one of something else" in refused(text, tmp_path).problem
    assert "git lfs pull" in refused(pointer, tmp_path).remedy
    assert "Is a directory" in refused(tmp_path, tmp_path).problem
    assert "there is no file" in refused(tmp_path / "none.pt", tmp_path).problem
