"""What Hydra and OmegaConf say of a user's mistake, told as problem, key and remedy."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from packager.command_line.composition import explain
from packager.errors import EXIT_OK, PackagerError, SpecError
from packager.resolve.job import to_spec

from .model_config.composing import compose

if TYPE_CHECKING:
    from pathlib import Path

FASHION = "model=fashion_cnn"


def _told(*overrides: str) -> PackagerError:
    """Return how a real failure to compose is told."""
    with pytest.raises((HydraException, OmegaConfBaseException)) as caught:
        to_spec(compose(*overrides))
    told = explain(caught.value)
    assert told is not None
    assert "\n" not in told.problem
    return told


@pytest.mark.parametrize(
    ("override", "key", "remedy"),
    [
        ("model=fashion", "model", "did you mean 'fashion_cnn'? choose one of fashion_cnn,"),
        ("trainer=tutorial_sdg", "trainer", "did you mean 'tutorial_sgd'?"),
        ("serving/instance_group=tpu", "serving/instance_group", "auto, cpu, gpu"),
        ("server=dockr", "server", "did you mean 'docker'?"),
    ],
)
def test_a_choice_that_is_not_there_lists_those_that_are(
    override: str, key: str, remedy: str
) -> None:
    """With the closest one first."""
    told = _told(override)
    assert told.where == key
    assert "there is no" in told.problem
    assert remedy in told.remedy


@pytest.mark.parametrize(
    ("override", "remedy"),
    [
        ("trainr=default", "did you mean 'trainer'?"),
        ("trainer.lrr=1", "did you mean 'lr'? the keys there are seed, threads, optimizer, lr,"),
        ("serving.instance_group.cuont=2", "did you mean 'count'?"),
        ("serving/instance_groop=gpu", "did you mean 'serving/instance_group'?"),
        ("modle=fashion_cnn", "did you mean 'model'?"),
        ("debg=true", "did you mean 'debug'?"),
        ("task.frmat=json", "the keys there are name"),
    ],
)
def test_a_misspelt_key_gets_the_right_one(override: str, remedy: str) -> None:
    """And the keys that there are."""
    told = _told(FASHION, override)
    assert told.where == override.split("=", maxsplit=1)[0]
    assert told.problem == "no such key"
    assert remedy in told.remedy


@pytest.mark.parametrize(
    ("override", "key", "problem"),
    [
        ("trainer.lr=abc", "trainer.lr", "could not be converted to Float"),
        ("trainer.epochs=1.5", "trainer.epochs", "could not be converted to Integer"),
        ("trainer.optimizer=sdg", "trainer.optimizer", "expected one of [sgd, adam, adamw, muon]"),
        ("inputs=3", "inputs", "int is not a"),
        ("serving.instance_group=gpu", "serving.instance_group", "Invalid type"),
        ("name=${nowhere}", "name", "'nowhere' not found"),
    ],
)
def test_a_wrong_value_names_its_key(override: str, key: str, problem: str) -> None:
    """And what was expected."""
    told = _told(FASHION, override)
    assert told.where == key
    assert problem in told.problem


@pytest.mark.parametrize("override", ["name=a=b", "inputs=[", "trainer.lr", "name='x"])
def test_an_override_that_cannot_be_read_gets_a_hint_on_quoting(override: str) -> None:
    """The override is quoted back as it was written."""
    told = _told(FASHION, override)
    assert told.where == override
    assert "write key=value; quote values" in told.remedy


def test_other_errors_are_not_the_users() -> None:
    """They go on as faults of ours."""
    assert explain(RuntimeError("x")) is None


def _packager(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "packager", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "1000", "HOME": "/nonexistent"},
    )


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Give a configuration directory of the user's own, with an empty group of recipes."""
    (tmp_path / "model").mkdir()
    return tmp_path


RECIPE = """\
defaults:
  - override /dataset: mnist
  - override /architecture: mnist_cnn

name: mine
"""


def test_the_users_own_recipe_composes(mine: Path) -> None:
    """By --config-dir, like a shipped one."""
    (mine / "model" / "mine.yaml").write_text(f"# @package _global_\n{RECIPE}")
    done = _packager("--config-dir", str(mine), "model=mine", "--cfg", "job")
    assert done.returncode == EXIT_OK, done.stderr
    assert "name: mine\n" in done.stdout


def test_a_recipe_without_its_package_line_gets_the_remedy(mine: Path) -> None:
    """Its values would otherwise land in a key that nothing reads."""
    (mine / "model" / "mine.yaml").write_text(RECIPE)
    done = _packager("--config-dir", str(mine), "model=mine")
    assert done.returncode == SpecError.exit_code
    assert "'# @package _global_' the first line" in done.stderr
    assert "Traceback" not in done.stderr


def test_broken_yaml_is_told_with_its_line(mine: Path) -> None:
    """File, line and column."""
    path = mine / "model" / "mine.yaml"
    path.write_text(f"# @package _global_\n{RECIPE}inputs: [{{name: a: b}}]\n")
    done = _packager("--config-dir", str(mine), "model=mine")
    assert done.returncode == SpecError.exit_code
    assert f"{path}:7:" in done.stderr
    assert "not valid YAML" in done.stderr


def test_a_shadowed_file_is_listed(mine: Path) -> None:
    """Hydra takes the shipped file in silence; we say which one is ignored."""
    path = mine / "model" / "mnist_cnn.yaml"
    path.write_text(f"# @package _global_\n{RECIPE}")
    done = _packager("--config-dir", str(mine), "model=mnist_cnn", "trainer.lr=-1")
    assert f"ignored: {path}" in done.stderr
    assert done.returncode == SpecError.exit_code
