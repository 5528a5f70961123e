"""One run of the program: a task, and what it works on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from packager.errors import SpecError
from packager.spec.recipe import Recipe, RepositorySpec
from packager.spec.server import ControlMode, ServerSpec
from packager.spec.serving import require_host_name


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
    """Run a server on the repository until interrupted; as a kind of host, where one is named."""

    control: ControlMode = ControlMode.poll
    host: str | None = None

    def __post_init__(self) -> None:
        if self.host is not None:
            require_host_name(self.host, where="task.host")


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidateTask:
    """Check every model of a repository; None is "not known", and then not judged."""

    path: Path | None = None
    format: str = "text"
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    errors_only: bool = False
    auto_complete: bool = True
    host_gpus: frozenset[int] | None = None
    backends: frozenset[str] | None = None


TaskSpec = BuildTask | PlanTask | ServeTask | ValidateTask


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
