"""One run of the program: a task, and what it works on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from packager.errors import SpecError
from packager.spec.recipe import AnyRepositorySpec, Recipe, RepositorySpec
from packager.spec.server import ControlMode, ServerSpec
from packager.spec.serving import require_host_name


class PlanFormat(Enum):
    """How a plan is printed."""

    text = "text"
    json = "json"


class Stage(Enum):
    """The stages of a build, in their order."""

    data = "data"
    train = "train"
    optimize = "optimize"
    export = "export"
    render = "render"
    rules = "rules"
    contract = "contract"
    batching = "batching"
    parity = "parity"
    live = "live"


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildTask:
    """Train, export, render, prove and publish the recipe; `force` are stages to do anew."""

    force: frozenset[Stage] = frozenset()


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


class VersionsAction(Enum):
    """What to do with a model's versions."""

    list = "list"
    promote = "promote"
    rollback = "rollback"
    prune = "prune"
    verify = "verify"
    pull = "pull"


class VersionsFormat(Enum):
    """How versions are printed."""

    text = "text"
    json = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class VersionsTask:
    """Look at the versions of models, or change which one is served.

    `model` None is the recipe's, or where none is chosen every model. `version` is the one to
    promote, to roll back to, to verify or to pull. `keep` is how many of the highest a prune
    leaves; `force` lets it remove served ones. `to` is where a pull writes. `public_key` checks
    signatures.
    """

    action: VersionsAction
    model: str | None = None
    version: int | None = None
    keep: int | None = None
    force: bool = False
    to: Path | None = None
    public_key: Path | None = None
    format: VersionsFormat = VersionsFormat.text


TaskSpec = BuildTask | PlanTask | ServeTask | ValidateTask | VersionsTask


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheSpec:
    """Where data files, checkpoints and stage results are kept between builds.

    Stage results take at most `max_bytes`; those used longest ago go first.
    """

    path: Path
    max_bytes: int = 20 * 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What the composed configuration asks for; `recipe` is None where no model was chosen.

    `release` is the Triton release that the repository is meant for, None where it is not told.
    `allow_breaking` lets a version be published that breaks the clients of those before.
    """

    task: TaskSpec
    recipe: Recipe | None
    server: ServerSpec
    repository: AnyRepositorySpec
    cache: CacheSpec
    release: str | None = None
    allow_breaking: bool = False

    @property
    def forced(self) -> frozenset[Stage]:
        """The stages to run though their results are kept."""
        return self.task.force if isinstance(self.task, BuildTask) else frozenset()

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

    def require_local_repository(self) -> RepositorySpec:
        """Return the repository, which must be a directory.

        Raises:
            SpecError: it lies in an object store.
        """
        if isinstance(self.repository, RepositorySpec):
            return self.repository
        raise SpecError(
            f"{self.repository.url} is no directory",
            where="repository.path",
            remedy="pull its models first: task=versions task.action=pull task.to=DIR",
        )
