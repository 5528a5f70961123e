"""Wrong configurations: exit 2, one paragraph that names problem, key and remedy, in a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .program import FASHION, tree

if TYPE_CHECKING:
    from .program import Workspace

UNCHECKED = (*FASHION, "server=none")

WRONG = {
    "unknown recipe": (
        ("model=fashon_cnn",),
        ("model: there is no 'fashon_cnn'", "did you mean 'fashion_cnn'?", "mnist_cnn"),
    ),
    "unknown choice": (
        (*UNCHECKED, "trainer=tutorial_sgdd"),
        ("trainer: there is no 'tutorial_sgdd'", "did you mean 'tutorial_sgd'?", "default"),
    ),
    "unknown task": (("model=fashion_cnn", "task=bild"), ("task: there is no 'bild'", "build")),
    "typo in a key": (
        (*UNCHECKED, "trainer.epoch=1"),
        ("trainer.epoch: no such key", "did you mean 'epochs'?", "batch_size"),
    ),
    "typo in a group": (
        (*UNCHECKED, "trainr.epochs=1"),
        ("trainr: no such key", "did you mean 'trainer'?"),
    ),
    "wrong type": (
        (*UNCHECKED, "trainer.epochs=many"),
        ("trainer.epochs: ", "'many'", "Integer"),
    ),
    "wrong enum": (
        (*UNCHECKED, "trainer.optimizer=adamm"),
        ("trainer.optimizer: ", "'adamm'", "[sgd, adam, adamw, muon]"),
    ),
    "out of range": (
        (*UNCHECKED, "trainer.epochs=0"),
        ("trainer.epochs: is 0; expected at least 1",),
    ),
    "missing value": (
        (*FASHION, "server=external"),
        ("server.url: a value is missing", "server.url=127.0.0.1:8000"),
    ),
    "added key": ((*UNCHECKED, "+unknown=1"), ("unknown: no such key", "leave the '+' out")),
    "added key in a group": (
        (*UNCHECKED, "+trainer.unknown=1"),
        ("trainer.unknown: no such key", "leave the '+' out"),
    ),
    "several values in one run": (
        ("task=predict", "task.images=a.png,b.png"),
        ("task.images: has several values, a.png,b.png,", "'task.images=[a.png,b.png]'"),
    ),
    "override that cannot be read": (
        (*UNCHECKED, "serving.max_batch_size=[1"),
        ("serving.max_batch_size=[1: cannot be read", "write key=value"),
    ),
    "unknown option": (("--nope",), ("there is no option --nope", "--help")),
    "sweep without a recipe": (("-m",), ("model: a sweep needs a recipe", "model=fashion_cnn")),
    "sweep of values without a recipe": (
        ("-m", "trainer.epochs=1,2"),
        ("model: a sweep needs a recipe",),
    ),
    "build without a recipe": (("task=build",), ("model: no recipe is chosen", "model=")),
    "recipe folder that is missing": (
        ("--config-dir", "nowhere", "model=fashion_cnn"),
        ("nowhere",),
    ),
    **{
        f"{group} null": ((*UNCHECKED, f"{group}=null"), (f"{group}: is null", "choose one of"))
        for group in ("trainer", "dataset", "serving", "serving/instance_group", "task")
    },
    "no model": (("model=null", "task=plan"), ("model: is null", "fashion_cnn")),
    "rate beyond float32": ((*UNCHECKED, "trainer.lr=1e300"), ("trainer.lr: is 1e+300",)),
    "threads beyond reason": (
        ("model=fashion_cnn", "trainer.threads=1000000"),
        ("trainer.threads: is 1000000",),
    ),
    "delay beyond 64 bits": (
        (*UNCHECKED, "serving.dynamic_batching.max_queue_delay_us=99999999999999999999999"),
        ("serving.dynamic_batching.max_queue_delay_us: ",),
    ),
    "staging in the repository": (
        (*UNCHECKED, "repository.path=models", "repository.staging=models/staging"),
        ("repository.staging: ", "lies in the repository"),
    ),
    "empty repository": ((*UNCHECKED, "repository.path="), ("repository.path: is empty",)),
    "empty cache": ((*UNCHECKED, "cache.path="), ("cache.path: is empty",)),
    "class name over two lines": (
        (*UNCHECKED, 'dataset.classes=[a,b,c,d,e,f,g,h,i,"j\nk"]'),
        ("dataset.classes[9]: ", "one a line"),
    ),
    "two outputs": (
        (*UNCHECKED, "outputs=[{name: a, dims: [10]}, {name: b, dims: [10]}]", "task=plan"),
        ("outputs: 2 are given",),
    ),
    "scores of another type": (
        (*UNCHECKED, "outputs=[{name: a, data_type: INT64, dims: [10]}]", "task=plan"),
        ("outputs[0].data_type: is INT64",),
    ),
    "limit where a subset is refused": (
        (*UNCHECKED, "dataset.allow_subset=false"),
        ("dataset.max_train_samples: ", "dataset.allow_subset is false"),
    ),
}
RECIPE = """\
# @package _global_
# A recipe of the user's own
defaults:
  - override /dataset: fashion_mnist
  - override /architecture: fashion_cnn

name: mine
"""


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=[*WRONG])
def test_it_is_told_in_one_paragraph(
    workspace: Workspace, arguments: tuple[str, ...], told: tuple[str, ...]
) -> None:
    """Status 2, nothing on stdout, nothing written anywhere."""
    result = workspace.run(*arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err == f"{result.error}\n"
    assert [words for words in told if words not in result.error] == []
    assert tree(workspace.root / "cwd") == {}
    assert workspace.left_behind() == []


@pytest.mark.parametrize("name", ["../x", "a b", "", ".hidden", "-x", "a/b", "x" * 129])
def test_a_name_that_is_not_safe_is_refused(workspace: Workspace, name: str) -> None:
    """It becomes a directory and a part of URLs."""
    result = workspace.run(*UNCHECKED, f"name={name}")
    assert result.status == 2
    assert result.err == f"{result.error}\n"
    assert result.error.startswith(f"error: name: '{name}' is not a safe model name. Remedy: ")
    assert tree(workspace.cwd) == {}


def _error(workspace: Workspace, recipe: str) -> str:
    """Return how packager refuses to plan the user's own recipe `mine`."""
    folder = workspace.root / "recipes" / "model"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(recipe)
    config_dir = str(workspace.root / "recipes")
    result = workspace.run("--config-dir", config_dir, "model=mine", "task=plan")
    assert (result.status, result.out) == (2, "")
    assert result.err == f"{result.error}\n"
    assert tree(workspace.cwd) == {}
    return result.error


def test_broken_yaml_is_shown_by_file_line_and_column(workspace: Workspace) -> None:
    """The place where reading stopped."""
    error = _error(workspace, f"{RECIPE}  inputs: []\n")
    place = workspace.root / "recipes" / "model" / "mine.yaml"
    assert error.startswith(f"error: {place}:8:9: is not valid YAML: ")
    assert "Remedy: " in error


@pytest.mark.parametrize("recipe", [RECIPE, "# A recipe\nname: mine\n"], ids=["defaults", "bare"])
def test_a_recipe_without_its_package_line_is_told_the_line(
    workspace: Workspace, recipe: str
) -> None:
    """Without it Hydra puts the recipe's keys under `model`."""
    error = _error(workspace, recipe.removeprefix("# @package _global_\n"))
    assert "# @package _global_" in error
    assert "Remedy: " in error


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (RECIPE.encode() + b"# \xff\n", "not UTF-8"),
        (RECIPE.encode() + b"x: \x00\n", "cannot be read"),
        (RECIPE.replace("/dataset: fashion_mnist", "/model: mine").encode(), ""),
        (b"# @package _global_\ndefaults: [mine]\nname: mine\n", ""),
        (b"# @package _global_\ndefaults: override\nname: mine\n", ""),
    ],
    ids=["not UTF-8", "NUL", "overrides itself", "its own default", "defaults no list"],
)
def test_a_recipe_that_hydra_chokes_on_is_told(
    workspace: Workspace, content: bytes, told: str
) -> None:
    """Whatever Hydra raises while it composes, the configuration is wrong and not packager."""
    folder = workspace.root / "recipes" / "model"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_bytes(content)
    config_dir = str(workspace.root / "recipes")
    result = workspace.run("--config-dir", config_dir, "model=mine", "task=plan")
    assert result.status == 2
    assert told in result.error
    assert "a fault of packager" not in result.error


def test_options_may_stand_anywhere(workspace: Workspace) -> None:
    """As in most programs; Hydra itself wants them first."""
    result = workspace.run("model=fashion_cnn", "--cfg", "job", "trainer.epochs=7")
    assert result.status == 0
    assert "epochs: 7" in result.out


def test_a_typo_in_a_recipe_is_told_by_its_key(workspace: Workspace) -> None:
    """The schema knows the keys, whoever writes them."""
    error = _error(workspace, f"{RECIPE}inptus: []\n")
    assert "inptus" in error
    assert "did you mean 'inputs'?" in error


def test_a_wrong_value_in_a_recipe_is_told_by_its_key(workspace: Workspace) -> None:
    """Here an unknown data type."""
    tensor = "inputs: [{name: x, data_type: FLOAT, dims: [1, 28, 28]}]"
    error = _error(workspace, f"{RECIPE}{tensor}\n")
    assert "data_type" in error
    assert "FP32" in error


def test_debug_prints_the_traceback_before_the_paragraph(workspace: Workspace) -> None:
    """For reports of faults."""
    result = workspace.run(*UNCHECKED, "trainer.epochs=0", "debug=true")
    assert result.status == 2
    assert result.err.startswith("Traceback (most recent call last):")
    assert "error: trainer.epochs: is 0; expected at least 1" in result.err.splitlines()[-1]


def test_no_configuration_error_needs_torch(workspace: Workspace) -> None:
    """Importing it takes longer than all the rest; a bad name is the last thing checked."""
    result = workspace.run(
        *UNCHECKED, "name=../x", PYTHONPROFILEIMPORTTIME="1"
    )  # what python -X importtime does
    assert result.status == 2
    modules = {line.rpartition("|")[2].strip() for line in result.err.splitlines() if "|" in line}
    assert "packager.command_line.command" in modules
    assert "torch" not in modules
