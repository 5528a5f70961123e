"""Weights from real files: what is understood, and what is refused with every misfit listed."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from packager.architectures.build import build
from packager.architectures.weights import load
from packager.errors import SpecError
from packager.spec.architecture import LayerSpec, LayersSpec, TorchvisionSpec, WeightsSpec

if TYPE_CHECKING:
    from pathlib import Path


def net(classes: int = 10, hidden: int = 6) -> nn.Sequential:
    """Return a small module with batch norm."""
    return nn.Sequential(
        OrderedDict(
            first=nn.Linear(4, hidden), norm=nn.BatchNorm1d(hidden), head=nn.Linear(hidden, classes)
        )
    )


def state(module: nn.Module | None = None) -> dict[str, torch.Tensor]:
    """Return weights that no fresh module has."""
    module = module or net()
    return {name: torch.randn(one.shape).to(one.dtype) for name, one in module.state_dict().items()}


def spec(path: Path, *skip: str) -> WeightsSpec:
    """Return what a recipe says."""
    return WeightsSpec(path=path, skip=skip)


def refused(path: Path, *skip: str, module: nn.Module | None = None) -> SpecError:
    """Return what is said of a file."""
    with pytest.raises(SpecError) as caught:
        load(module or net(), spec(path, *skip))
    return caught.value


def is_loaded(module: nn.Module, weights: dict[str, torch.Tensor]) -> bool:
    """Return whether a module has exactly these weights."""
    return all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())


WRAPPINGS: dict[str, Any] = {
    "plain": lambda weights: weights,
    "ordered": OrderedDict,
    "state_dict": lambda weights: {"epoch": 3, "state_dict": weights, "optimizer": {"lr": 0.1}},
    "model_state_dict": lambda weights: {"model_state_dict": weights, "loss": 0.5},
    "model": lambda weights: {"model": weights, "args": ["--lr", "1"]},
    "DataParallel": lambda weights: {f"module.{name}": one for name, one in weights.items()},
    "compiled": lambda weights: {f"_orig_mod.{name}": one for name, one in weights.items()},
    "both": lambda weights: {
        "state_dict": {f"module._orig_mod.{name}": one for name, one in weights.items()}
    },
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_state_dict_is_found_in_what_wraps_it(
    wrapping: str, zipped: bool, tmp_path: Path
) -> None:
    """Checkpoints of training loops, of DataParallel and of torch.compile, old format and new."""
    path, weights, module = tmp_path / "weights.pt", state(), net()
    torch.save(WRAPPINGS[wrapping](weights), path, _use_new_zipfile_serialization=zipped)
    load(module, spec(path))
    assert is_loaded(module, weights)


def test_safetensors_are_read(tmp_path: Path) -> None:
    """Also with DataParallel's prefix."""
    for name, prefix in (("one.safetensors", ""), ("two.safetensors", "module.")):
        weights, module = state(), net()
        save_file({prefix + key: one for key, one in weights.items()}, tmp_path / name)
        load(module, spec(tmp_path / name))
        assert is_loaded(module, weights)


def test_a_prefix_that_the_module_has_itself_stays(tmp_path: Path) -> None:
    """A module whose one part is called `module`."""
    module = nn.Sequential(OrderedDict(module=net()))
    weights = state(module)
    torch.save(weights, tmp_path / "w.pt")
    load(module, spec(tmp_path / "w.pt"))
    assert is_loaded(module, weights)


def test_every_misfit_is_listed(tmp_path: Path) -> None:
    """Each wrong shape with both shapes, and every name too many or too few."""
    weights = state(net(classes=1000, hidden=7)) | {"extra.weight": torch.zeros(1)}
    del weights["norm.running_var"]
    torch.save(weights, tmp_path / "w.pt")
    error = refused(tmp_path / "w.pt")
    for told in (
        "first.weight is [7, 4] in the file, [6, 4] in the module",
        "first.bias is [7] in the file, [6] in the module",
        "norm.weight is [7]",
        "norm.bias is [7]",
        "norm.running_mean is [7]",
        "head.weight is [1000, 7] in the file, [10, 6] in the module",
        "head.bias is [1000] in the file, [10] in the module",
        "not in the file: norm.running_var",
        "not in the module: extra.weight",
    ):
        assert told in error.problem
    assert error.where == "architecture.weights.path"
    assert "\"architecture.weights.skip=['first.', 'norm.', 'head.', 'extra.']\"" in error.remedy


def test_the_remedy_for_another_head_is_one_that_works(tmp_path: Path) -> None:
    """Skipping it loads all the rest; the head keeps the module's own values."""
    weights = state(net(classes=1000))
    torch.save(weights, tmp_path / "w.pt")
    assert "skip=['head.']" in refused(tmp_path / "w.pt").remedy
    module = net()
    head = module.state_dict()["head.weight"].clone()
    load(module, spec(tmp_path / "w.pt", "head."))
    assert torch.equal(module.state_dict()["head.weight"], head)
    assert torch.equal(module.state_dict()["first.weight"], weights["first.weight"])


def test_resnet18_weights_of_imagenets_shape_start_a_model_of_ten_classes(tmp_path: Path) -> None:
    """Stem and head are skipped; the file is one that torchvision's own resnet18 writes."""
    imagenet = build(TorchvisionSpec(name="resnet18"), sample_shape=None, classes=None)
    torch.save(imagenet.state_dict(), tmp_path / "resnet18.pth")
    whole = WeightsSpec(path=tmp_path / "resnet18.pth")
    with pytest.raises(SpecError) as caught:
        build(TorchvisionSpec(name="resnet18", weights=whole), sample_shape=(1, 28, 28), classes=10)
    for told in ("conv1.weight is [64, 3, 7, 7] in the file, [64, 1, 7, 7]", "fc.bias is [1000]"):
        assert told in caught.value.problem
    fitting = WeightsSpec(path=tmp_path / "resnet18.pth", skip=("conv1.", "fc."))
    module = build(
        TorchvisionSpec(name="resnet18", weights=fitting), sample_shape=(1, 28, 28), classes=10
    )
    assert torch.equal(
        module.state_dict()["layer4.1.conv2.weight"], imagenet.state_dict()["layer4.1.conv2.weight"]
    )


def test_a_model_that_torch_renames_weights_for_loads_its_own(tmp_path: Path) -> None:
    """MNASNet looks at the version that a state dict carries, which safetensors cannot."""
    module = build(TorchvisionSpec(name="mnasnet0_5"), sample_shape=None, classes=5)
    torch.save(module.state_dict(), tmp_path / "w.pt")
    save_file(module.state_dict(), tmp_path / "w.safetensors")
    for name in ("w.pt", "w.safetensors"):
        again = TorchvisionSpec(name="mnasnet0_5", weights=WeightsSpec(path=tmp_path / name))
        loaded = build(again, sample_shape=None, classes=5).state_dict()
        assert all(torch.equal(loaded[key], one) for key, one in module.state_dict().items())


def test_a_list_of_layers_takes_weights(tmp_path: Path) -> None:
    """By nn.Sequential's names."""
    torch.save(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).state_dict(), tmp_path / "w.pt")
    layers = (
        LayerSpec(name="Flatten", arguments={}),
        LayerSpec(name="Linear", arguments={"out_features": 3}),
    )
    made = LayersSpec(layers=layers, weights=spec(tmp_path / "w.pt"))
    with pytest.raises(SpecError, match=r"1\.weight is \[2, 4\] in the file, \[3, 4\]"):
        build(made, sample_shape=(1, 2, 2), classes=3)


class Tied(nn.Module):
    """One weight under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Linear(3, 3, bias=False)
        self.out = nn.Linear(3, 3, bias=False)
        self.out.weight = self.into.weight


def test_a_weight_under_two_names_is_in_the_file_once(tmp_path: Path) -> None:
    """As safetensors' save_model writes it."""
    save_file({"into.weight": torch.ones(3, 3)}, tmp_path / "w.safetensors")
    module = Tied()
    load(module, spec(tmp_path / "w.safetensors"))
    assert torch.equal(module.out.weight, torch.ones(3, 3))


def test_batch_norms_counter_may_be_missing(tmp_path: Path) -> None:
    """Files from before torch 0.4.1."""
    weights = state()
    del weights["norm.num_batches_tracked"]
    save_file(weights, tmp_path / "w.safetensors")
    load(net(), spec(tmp_path / "w.safetensors"))


def test_whole_numbers_are_no_weights(tmp_path: Path) -> None:
    """Quantised weights would load and answer nonsense."""
    weights = state() | {"head.weight": torch.ones(10, 6, dtype=torch.int8)}
    torch.save(weights, tmp_path / "w.pt")
    assert "head.weight is torch.int8 in the file" in refused(tmp_path / "w.pt").problem


def test_half_precision_is_widened(tmp_path: Path) -> None:
    """The module stays float32."""
    weights = {name: one.half() for name, one in state().items()}
    torch.save(weights, tmp_path / "w.pt")
    module = net()
    load(module, spec(tmp_path / "w.pt"))
    assert module.get_submodule("first").weight.dtype is torch.float32


def test_a_skip_that_fits_no_name_is_told(tmp_path: Path) -> None:
    """A typo would load what was meant to start anew."""
    torch.save(state(), tmp_path / "w.pt")
    error = refused(tmp_path / "w.pt", "heat")
    assert error.where == "architecture.weights.skip"
    assert "write 'head'" in error.remedy


def test_a_missing_file_or_folder_is_told(tmp_path: Path) -> None:
    """With its path."""
    assert f"there is no file {tmp_path / 'w.pt'}" in refused(tmp_path / "w.pt").problem
    assert "cannot be read: Is a directory" in refused(tmp_path).problem


PARTS = [0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_truncated_file_is_told_wherever_it_ends(kind: str, part: float, tmp_path: Path) -> None:
    """In every format; one paragraph, never another exception."""
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pt")
    if kind == "safetensors":
        save_file(state(), path)
    else:
        torch.save(state(), path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    error = refused(path)
    assert error.where == "architecture.weights.path"
    assert ("is empty" if part == 0 else "is cut short") in error.problem
    assert "again" in error.remedy
    assert "\n" not in str(error)


class Payload:
    """Runs a program when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_run(zipped: bool, tmp_path: Path) -> None:
    """What would run is named."""
    mark = tmp_path / "mark"
    torch.save({"w": Payload(mark)}, tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    error = refused(tmp_path / "w.pt")
    assert f"would run code of {os.name}.mkdir" in error.problem
    assert "state_dict()" in error.remedy
    assert not mark.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickled_module_is_refused(zipped: bool, tmp_path: Path) -> None:
    """The usual mistake."""
    torch.save(net(), tmp_path / "w.pt", _use_new_zipfile_serialization=zipped)
    error = refused(tmp_path / "w.pt")
    assert "holds more than weights" in error.problem
    assert "torch.nn.modules.container.Sequential" in error.problem
    assert "torch.save(module.state_dict(), PATH)" in error.remedy


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({"epoch": 3, "net": {"w": torch.zeros(1)}}, "a mapping with epoch, net"),
        ([torch.zeros(1)], "a list"),
        (torch.zeros(1), "a Tensor"),
        ({}, "a mapping with nothing"),
    ],
)
def test_what_is_no_state_dict_is_told(held: object, told: str, tmp_path: Path) -> None:
    """By what is there instead."""
    torch.save(held, tmp_path / "w.pt")
    error = refused(tmp_path / "w.pt")
    assert f"holds no state dict but {told}" in error.problem
    assert "under state_dict or model_state_dict or model" in error.remedy


def test_files_of_other_kinds_are_told(tmp_path: Path) -> None:
    """TorchScript, torch.export, a pointer of Git LFS, and text."""
    module = net().eval()
    scripted, exported = tmp_path / "ts.pt", tmp_path / "program.pt2"
    torch.jit.save(torch.jit.script(module), str(scripted))
    assert "architecture=torchscript" in refused(scripted).remedy
    torch.export.save(torch.export.export(module, (torch.zeros(2, 4),)), exported)
    assert "torch.export" in refused(exported).problem
    pointer = tmp_path / "lfs.pt"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert "git lfs pull" in refused(pointer).remedy
    text = tmp_path / "text.pt"
    text.write_text("<html>not found</html>")
    assert "no file of torch.save" in refused(text).problem


def test_weights_of_safetensors_under_another_name_are_told(tmp_path: Path) -> None:
    """The ending decides how a file is read."""
    save_file(state(), tmp_path / "w.bin")
    assert "end in .safetensors" in refused(tmp_path / "w.bin").remedy
    torch.save(state(), tmp_path / "w.safetensors")
    assert "no safetensors file" in refused(tmp_path / "w.safetensors").problem
