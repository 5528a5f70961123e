"""The list of recipes: shipped ones, the user's own, and those that hide each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.recipes import Listed, recipes, shadowed
from packager.resources import folder

if TYPE_CHECKING:
    from pathlib import Path


def _write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_every_shipped_recipe_has_a_description() -> None:
    """By name, with the comment under the package line."""
    shipped = recipes()
    assert [recipe.name for recipe in shipped] == sorted(
        path.stem for path in (folder("conf") / "model").glob("*.yaml")
    )
    assert all(recipe.description for recipe in shipped)
    assert not any("@package" in recipe.description for recipe in shipped)


def test_the_users_recipes_are_listed_with_the_shipped_ones(tmp_path: Path) -> None:
    """Sorted together."""
    _write(tmp_path / "model" / "aaa.yaml", "# @package _global_\n# Mine\nname: aaa\n")
    listed = recipes(tmp_path)
    assert listed[0] == Listed(name="aaa", description="Mine")
    assert len(listed) == len(recipes()) + 1


def test_a_recipe_without_a_comment_has_no_description(tmp_path: Path) -> None:
    """Nothing is made up; bytes that are no text do no harm."""
    _write(tmp_path / "model" / "aaa.yaml", "# @package _global_\nname: aaa\n")
    (tmp_path / "model" / "aab.yaml").write_bytes(b"\xff\xfe\n# Mine\n")
    assert [recipe.description for recipe in recipes(tmp_path)[:2]] == ["", "Mine"]


def test_a_shipped_recipe_goes_before_the_users_of_its_name(tmp_path: Path) -> None:
    """As Hydra has it: the list must not describe what will not be built."""
    _write(tmp_path / "model" / "mnist_cnn.yaml", "# Mine\n")
    assert recipes(tmp_path) == recipes()


def test_only_files_of_a_shipped_name_are_shadowed(tmp_path: Path) -> None:
    """In every group, nested ones too; sorted."""
    hidden = [
        _write(tmp_path / "model" / "mnist_cnn.yaml"),
        _write(tmp_path / "serving" / "instance_group" / "gpu.yaml"),
        _write(tmp_path / "trainer" / "default.yaml"),
    ]
    _write(tmp_path / "model" / "mine.yaml")
    _write(tmp_path / "elsewhere" / "mnist_cnn.yaml")
    _write(tmp_path / "trainer" / "default.txt")
    assert shadowed(tmp_path) == hidden


def test_a_folder_without_recipes_adds_none(tmp_path: Path) -> None:
    """Neither does one that is not there."""
    assert recipes(tmp_path / "nowhere") == recipes(tmp_path) == recipes()
    assert shadowed(tmp_path / "nowhere") == []
