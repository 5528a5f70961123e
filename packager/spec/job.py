"""One run of the program: a task, and what it works on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from packager.errors import SpecError
from packager.spec.asking import EvaluateTask, PredictTask, ProfileTask, ServeTask
from packager.spec.dataset import DatasetSpec
from packager.spec.recipe import AnyRepositorySpec, Recipe, RepositorySpec
from packager.spec.server import ServerSpec
from packager.spec.sweeping import LeaderboardTask
from packager.spec.validity import require


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
    """Train, export, render, prove and publish the recipe; `force` are stages to do anew.

    Without `publish` the results of all stages are kept in the cache, and that is all. With
    `measure` a server of ours is asked how fast it answers with the model, before publishing. A
    `brief` build is one of many: it tells in a line what came of it.
    """

    force: frozenset[Stage] = frozenset()
    publish: bool = True
    measure: bool = False
    brief: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanTask:
    """Say what a build would do; write nothing."""

    format: PlanFormat = PlanFormat.text


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


class Layout(Enum):
    """How a dataset's image files lie: in one folder with an index, or one folder a class."""

    flat = "flat"
    folders = "folders"


class ImageFormat(Enum):
    """A format of image files; only PNG keeps every pixel."""

    png = "png"
    jpg = "jpg"


class Part(Enum):
    """Which images of a dataset."""

    train = "train"
    test = "test"
    all = "all"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagesTask:
    """Write a dataset out as image files.

    `to` None is `images/<dataset>` in the working directory. `limit` is for each split, evenly
    over its classes, None for every image. `workers` are threads, None one a core.
    """

    to: Path | None = None
    layout: Layout = Layout.flat
    format: ImageFormat = ImageFormat.png
    split: Part = Part.all
    limit: int | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        for name in ("limit", "workers"):
            value = getattr(self, name)
            require(
                value is None or value > 0,
                f"is {value}; expected a positive number, or null",
                where=f"task.{name}",
            )


TaskSpec = (
    BuildTask
    | PlanTask
    | ServeTask
    | EvaluateTask
    | PredictTask
    | ProfileTask
    | ImagesTask
    | ValidateTask
    | VersionsTask
    | LeaderboardTask
)


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

    `dataset` is the recipe's, or one that was chosen alone for a task that needs no more.
    `release` is the Triton release that the repository is meant for, None where it is not told.
    `allow_breaking` lets a version be published that breaks the clients of those before.
    """

    task: TaskSpec
    recipe: Recipe | None
    server: ServerSpec
    repository: AnyRepositorySpec
    cache: CacheSpec
    dataset: DatasetSpec | None = None
    release: str | None = None
    allow_breaking: bool = False

    @property
    def forced(self) -> frozenset[Stage]:
        """The stages to run though their results are kept."""
        return self.task.force if isinstance(self.task, BuildTask) else frozenset()

    @property
    def is_brief(self) -> bool:
        """Whether a build of the job tells in a line what came of it."""
        return isinstance(self.task, BuildTask) and self.task.brief

    @property
    def publishes(self) -> bool:
        """Whether a build of the job publishes what it proves."""
        return not isinstance(self.task, BuildTask) or self.task.publish

    @property
    def measures(self) -> bool:
        """Whether a build of the job measures how fast its model answers."""
        return isinstance(self.task, BuildTask) and self.task.measure

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

    def require_dataset(self) -> DatasetSpec:
        """Return the recipe's dataset, or the one that was chosen alone.

        Raises:
            SpecError: none was chosen, or the recipe knows of no data.
        """
        if self.dataset is None:
            raise SpecError(
                "no dataset is chosen" if self.recipe is None else "this recipe has no data",
                where="dataset",
                remedy="choose one, for example dataset=fashion_mnist",
            )
        return self.dataset

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
