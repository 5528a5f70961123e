"""One run of the program: a task, and what it works on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from packager.errors import SpecError
from packager.spec.recipe import Recipe, RepositorySpec
from packager.spec.server import ControlMode, ServerSpec


class PlanFormat(Enum):
    """How a plan is printed."""

    text = "text"
    json = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildTask:
    """Train, export, render, prove and publish the recipe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanTask:
    """Say what a build would do; write nothing."""

    format: PlanFormat = PlanFormat.text


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeTask:
    """Run a server on the repository until interrupted."""

    control: ControlMode = ControlMode.poll


TaskSpec = BuildTask | PlanTask | ServeTask


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What the composed configuration asks for; `recipe` is None where no model was chosen."""

    task: TaskSpec
    recipe: Recipe | None
    server: ServerSpec
    repository: RepositorySpec
    cache: Path

    def require_recipe(self) -> Recipe:
        """Return the recipe.

        Raises:
            SpecError: no model was chosen.
        """
        if self.recipe is None:
            raise SpecError(
                "no recipe is chosen",
                where="model",
                remedy="choose one, for example model=fashion_cnn; `python -m packager` lists them",
            )
        return self.recipe
