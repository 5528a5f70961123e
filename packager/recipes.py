"""The recipes there are: shipped ones, and those of the user's own `--config-dir`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.resources import folder

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A recipe's name and its line of description."""

    name: str
    description: str


def recipes(config_dir: Path | None = None) -> list[Listed]:
    """Return the recipes by name; a shipped one goes before the user's of the same name."""
    found: dict[str, Listed] = {}
    for conf in (folder("conf"), config_dir):
        for path in sorted((conf / "model").glob("*.yaml")) if conf else ():
            if not path.is_file():
                continue
            found.setdefault(path.stem, Listed(name=path.stem, description=_description(path)))
    return sorted(found.values(), key=lambda recipe: recipe.name)


def shadowed(config_dir: Path) -> list[Path]:
    """Return the user's files that Hydra will ignore, because a shipped one has their name."""
    return sorted(
        path
        for path in config_dir.rglob("*.yaml")
        if (folder("conf") / path.relative_to(config_dir)).exists()
    )


def _description(path: Path) -> str:
    """Return the first comment that is not the package line."""
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("#") and not line.startswith("# @package"):
            return line.lstrip("# ")
    return ""
