"""The user's own class: imported from a trusted package, and told when anything is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

import packager
from packager.architectures.build import build
from packager.architectures.layers import build_sequential
from packager.errors import SpecError
from packager.export import torchscript
from packager.resolve.architecture import architecture_spec
from packager.schema import ArchitectureConfig
from packager.spec.architecture import LayerSpec, LayersSpec, ModuleClassSpec
from packager.spec.recipe import ExportForm
from tests.model_config.composing import job

if TYPE_CHECKING:
    from collections.abc import Iterator

NETS = '''
import torch
from torch import Tensor, nn

class TwoTowers(nn.Module):
    """Two inputs, two outputs."""

    def __init__(self, width: int, classes: int = 10) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width is {width}")
        self.left = nn.Linear(4, width)
        self.right = nn.Linear(3, width)
        self.head = nn.Linear(width, classes)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        joined = self.left(left) + self.right(right)
        return self.head(joined), joined.mean(dim=1)

class Lazy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.LazyLinear(5))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

class Plain:
    pass

class Leaves(nn.Module):
    def __init__(self) -> None:
        raise SystemExit(3)

def make():
    return nn.Linear(1, 1)
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a package of the user's, importable and forgotten afterwards."""
    folder = tmp_path / "my_nets"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "towers.py").write_text(NETS)
    (folder / "typo.py").write_text("class X\n    pass\n")
    (folder / "needs.py").write_text("import no_such_dependency\n")
    (folder / "raises.py").write_text("\n\nraise RuntimeError('no weights here')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("my_nets")]:
        del sys.modules[name]


def spec(path: str = "my_nets.towers:TwoTowers", **arguments: Any) -> ModuleClassSpec:
    """Return a class of the trusted package."""
    return ModuleClassSpec(path=path, arguments=arguments, trusted_packages=("my_nets",))


def refused(made: ModuleClassSpec) -> SpecError:
    """Return what is said of a class."""
    with pytest.raises(SpecError) as caught:
        build(made, sample_shape=None, classes=None)
    return caught.value


@pytest.mark.usefixtures("package")
def test_a_class_with_two_inputs_and_outputs_is_made_and_compiled(tmp_path: Path) -> None:
    """With the arguments given; the seed decides its weights."""
    torch.manual_seed(5)
    module = build(spec(width=8), sample_shape=None, classes=None)
    torch.manual_seed(5)
    again = build(spec(width=8), sample_shape=None, classes=None)
    state = again.state_dict()
    assert all(torch.equal(one, state[name]) for name, one in module.state_dict().items())
    torchscript.export(module, form=ExportForm.freeze, path=tmp_path / "model.pt")
    left, right = torch.rand(3, 4), torch.rand(3, 3)
    scores, means = torchscript.load(tmp_path / "model.pt")(left, right)
    with torch.inference_mode():
        expected = module(left, right)
    assert torch.allclose(scores, expected[0], atol=1e-6)
    assert torch.allclose(means, expected[1], atol=1e-6)


def test_a_recipe_names_the_class_its_arguments_and_its_package() -> None:
    """From the command line, through the schema."""
    made = job(
        "name=towers",
        "dataset=none",
        "trainer=none",
        "architecture=module_class",
        "architecture.module_class=my_nets.towers:TwoTowers",
        "+architecture.arguments={width: 8, sizes: [1, 2]}",
        "trusted_packages=[my_nets]",
        "inputs=[{name: left, dims: [4]}, {name: right, dims: [3]}]",
    ).require_recipe()
    assert made.architecture == spec(width=8, sizes=[1, 2])


def test_a_package_that_is_not_trusted_is_refused_before_its_code_runs(package: Path) -> None:
    """Nothing is imported."""
    config = ArchitectureConfig(module_class="my_nets.towers:TwoTowers")
    with pytest.raises(SpecError, match="runs code of 'my_nets', which is not trusted") as caught:
        architecture_spec(config, ["my_net", "towers"])
    assert "trusted_packages=[my_nets]" in caught.value.remedy
    assert "my_nets" not in sys.modules
    assert package.exists()


def test_an_unset_class_is_a_missing_value() -> None:
    """The shipped YAMLs leave theirs open."""
    for kind, words in (("module_class", "package.module:Class"), ("torchvision", "resnet18")):
        with pytest.raises(SpecError, match="a value is missing") as caught:
            job("name=x", "dataset=none", "trainer=none", f"architecture={kind}")
        assert caught.value.where == f"architecture.{kind}"
        assert f"architecture.{kind}={words}" in caught.value.remedy


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("path", "problem", "remedy"),
    [
        ("my_nets.tower:TwoTowers", "there is no module my_nets.tower", "PYTHONPATH"),
        ("my_nets.towers:TwoTower", "there is no class TwoTower", "my_nets.towers:TwoTowers"),
        ("my_nets.towers:Zzz", "there is no class Zzz", "Lazy"),
        ("my_nets:Zzz", "there is no class Zzz", "derived from torch.nn.Module"),
        ("my_nets.towers:Plain", "no class derived from torch.nn.Module", "name such a class"),
        ("my_nets.towers:make", "no class derived from torch.nn.Module", "wrapped"),
        ("my_nets.towers:Leaves", "cannot be made: SystemExit: 3", "debug=true"),
        ("my_nets.typo:X", "SyntaxError", "correct the module"),
        ("my_nets.needs:X", "No module named 'no_such_dependency'", "install no_such_dependency"),
        ("my_nets.raises:X", "RuntimeError: no weights here (", "debug=true"),
    ],
)
def test_what_is_wrong_with_a_class_is_told(path: str, problem: str, remedy: str) -> None:
    """One error at the key that names it."""
    error = refused(spec(path))
    assert problem in error.problem
    assert remedy in error.remedy
    assert error.where == "architecture.module_class"


@pytest.mark.usefixtures("package")
def test_an_error_in_the_users_code_has_its_line() -> None:
    """File and number, in an import as in a constructor."""
    assert "raises.py:3)" in refused(spec("my_nets.raises:X")).problem
    assert "typo.py:1)" in refused(spec("my_nets.typo:X")).problem
    error = refused(spec(width=0))
    assert "TwoTowers cannot be made: ValueError: width is 0 (" in error.problem
    assert "towers.py:11)" in error.problem


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "missing a required argument: 'width'"),
        ({"width": 3, "depth": 2}, "got an unexpected keyword argument 'depth'"),
    ],
)
def test_arguments_that_the_constructor_does_not_take_are_told(
    arguments: dict[str, Any], problem: str
) -> None:
    """With those that it takes."""
    error = refused(spec(**arguments))
    assert error.where == "architecture.arguments"
    assert problem in error.problem
    assert "width: int, classes: int = 10" in error.remedy


@pytest.mark.usefixtures("package")
def test_lazy_layers_get_their_sizes_from_the_sample() -> None:
    """Or are refused where nothing tells them; the module's mode stays."""
    module = build(spec("my_nets.towers:Lazy"), sample_shape=(1, 4, 4), classes=5)
    assert module(torch.rand(2, 1, 4, 4)).shape == (2, 5)
    assert all(part.training for part in module.modules())
    assert "has lazy layers" in refused(spec("my_nets.towers:Lazy")).problem


def test_torchs_own_classes_can_be_named() -> None:
    """If torch is trusted."""
    made = ModuleClassSpec(
        path="torch.nn:Linear",
        arguments={"in_features": 2, "out_features": 3},
        trusted_packages=("torch",),
    )
    assert isinstance(build(made, sample_shape=None, classes=None), nn.Linear)


def test_only_layers_count_as_layers() -> None:
    """What `require_scores` tells a list of layers by."""
    layers = LayersSpec(layers=(LayerSpec(name="ReLU", arguments={}),))
    assert type(build_sequential(layers, sample_shape=(3,))) is nn.Sequential


WORKING_DIRECTORY = """
import sys
import packager
from packager.architectures.build import build
from packager.spec.architecture import LayerSpec, LayersSpec, ModuleClassSpec
spec = ModuleClassSpec(path="my_nets.towers:TwoTowers", arguments={"width": 2},
                       trusted_packages=("my_nets",))
try:
    print(type(build(spec, sample_shape=None, classes=None)).__name__)
except Exception as error:
    print(error.problem)
"""


@pytest.mark.parametrize(
    ("flags", "told"), [((), "TwoTowers"), (("-P",), "there is no module my_nets")]
)
def test_a_console_script_sees_the_working_directory(
    flags: tuple[str, ...], told: str, package: Path, tmp_path: Path
) -> None:
    """As `python -m` does, last; -P keeps it out."""
    script = tmp_path / "bin" / "script.py"
    script.parent.mkdir()
    script.write_text(WORKING_DIRECTORY)
    (tmp_path / "torch.py").write_text("raise SystemExit('in the place of an installed package')")
    done = subprocess.run(
        [sys.executable, *flags, str(script)],
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(_root()), "PATH": ""},
    )
    assert done.stdout.strip() == told, done.stderr[-500:]


def _root() -> Path:
    """Return where `packager` lies."""
    return Path(packager.__file__).parents[1]
