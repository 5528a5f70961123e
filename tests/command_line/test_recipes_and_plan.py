"""Looking without touching: the list of recipes, help, the configuration, and the plan."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .program import FASHION, tree

if TYPE_CHECKING:
    from .program import Workspace

CONF = Path(__file__).parents[2] / "conf"
STAGES = ("data", "train", "export", "render", "rules", "contract", "batching", "parity", "live")


def test_without_arguments_the_recipes_are_listed(workspace: Workspace) -> None:
    """Each with a line, and how to build one."""
    result = workspace.run()
    assert (result.status, result.err) == (0, "")
    assert "model=NAME" in result.out
    for recipe in (CONF / "model").glob("*.yaml"):
        _package, description, *_ = recipe.read_text().splitlines()
        (row,) = [line for line in result.out.splitlines() if line.startswith(f"│ {recipe.stem} ")]
        assert description.removeprefix("# ") in row
    assert tree(workspace.cwd) == {}


def test_the_users_own_recipes_are_listed_too(workspace: Workspace) -> None:
    """With `--config-dir`."""
    folder = workspace.root / "recipes" / "model"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\n# Something of my own\n")
    result = workspace.run("--config-dir", str(folder.parent))
    assert result.status == 0
    assert "Something of my own" in result.out
    assert "fashion_cnn" in result.out


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_mentions_every_choice_of_every_group(workspace: Workspace, option: str) -> None:
    """On the line of its group."""
    result = workspace.run(option)
    assert (result.status, result.err) == (0, "")
    lines = {line.split()[0]: line.split()[1:] for line in result.out.splitlines() if line.strip()}
    for file in CONF.glob("*/**/*.yaml"):
        assert file.stem in lines[str(file.parent.relative_to(CONF))]


@pytest.mark.parametrize(
    "group", sorted({str(file.parent.relative_to(CONF)) for file in CONF.glob("*/**/*.yaml")})
)
def test_help_has_a_line_for_every_group(workspace: Workspace, group: str) -> None:
    """Also for one that is added to `conf/` later."""
    assert f"\n  {group} " in workspace.run("--help").out


def test_the_composed_configuration_can_be_printed(workspace: Workspace) -> None:
    """Hydra's own option; overrides are in it."""
    result = workspace.run("model=fashion_cnn", "trainer.epochs=7", "--cfg", "job")
    assert (result.status, result.err) == (0, "")
    assert "name: fashion_cnn\n" in result.out
    assert "  epochs: 7\n" in result.out
    assert tree(workspace.cwd) == {}


def test_a_plan_writes_nothing_and_imports_no_torch(workspace: Workspace) -> None:
    """Not even the repository's folder, and not in the cache either."""
    command = (sys.executable, "-X", "importtime", "-m", "packager")
    cache = workspace.root / "cache"
    cache.mkdir()
    result = workspace.run(
        "model=fashion_cnn", "task=plan", command=command, XDG_CACHE_HOME=str(cache)
    )
    assert result.status == 0
    modules = {line.rpartition("|")[2].strip() for line in result.err.splitlines()}
    assert "packager.stages.walk" in modules  # what a plan goes along
    assert not {name for name in modules if name.split(".")[0] in {"torch", "torchvision"}}
    assert "version 1 would be published" in result.out
    assert "+++ config.pbtxt" in result.out
    assert '+name: "fashion_cnn"' in result.out
    assert tree(workspace.cwd) == tree(cache) == {}
    assert workspace.left_behind() == []


def test_a_plan_shows_the_next_version_and_the_change_of_the_config(
    with_version_1: Workspace,
) -> None:
    """A unified diff against what is published; the repository stays as it is."""
    before = tree(with_version_1.cwd)
    result = with_version_1.run("model=fashion_cnn", "task=plan", "serving.max_batch_size=64")
    assert (result.status, result.err) == (0, "")
    assert "version 2 would be published" in result.out
    assert "refused: allow_breaking: " in result.out
    assert "-max_batch_size: 128\n" in result.out
    assert "+max_batch_size: 64\n" in result.out
    assert tree(with_version_1.cwd) == before


def test_a_plan_of_the_same_recipe_has_no_change(with_version_1: Workspace) -> None:
    """And says so; nothing would be published."""
    result = with_version_1.run(*FASHION, "task=plan")
    assert (result.status, result.err) == (0, "")
    assert "fashion_cnn is unchanged: nothing would be published to model_repository" in result.out
    steps = re.findall(r"^  (\w+) +([^:]+): ", result.out, re.MULTILINE)
    assert steps == [(stage, "reused") for stage in STAGES]
    assert "config.pbtxt: unchanged" in result.out


def test_a_plan_says_why_a_stage_would_run(with_version_1: Workspace) -> None:
    """By the value that differs from what was published; what follows from it runs after it."""
    result = with_version_1.run(*FASHION, "trainer.epochs=2", "task=plan")
    steps = dict(re.findall(r"^  (\w+) +([^:]+): ", result.out, re.MULTILINE))
    assert steps["data"] == steps["render"] == steps["rules"] == "reused"
    assert steps["train"] == "changed because trainer.epochs 1 -> 2"
    assert steps["export"] == "after train"
    assert steps["live"] == "after export"


def test_a_plan_can_be_read_by_programs(with_version_1: Workspace) -> None:
    """Nothing but JSON on stdout."""
    result = with_version_1.run("model=fashion_cnn", "task=plan", "task.format=json")
    assert (result.status, result.err) == (0, "")
    plan = json.loads(result.out)
    assert (plan["model"], plan["version"]) == ("fashion_cnn", 2)
    assert plan["present_versions"] == [1]
    assert plan["config_diff"] == ""
    assert plan["served_versions"] == [1]
    assert tuple(step["stage"] for step in plan["steps"]) == STAGES
