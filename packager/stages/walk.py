"""From stage to stage: what each reads, the key that follows, and the result that is kept."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packager.cache.fingerprints import Fingerprints
from packager.cache.record import Result
from packager.cache.store import LostError, Store
from packager.datasets.at_hand import Fetched
from packager.model_config.warmup import Sample
from packager.proof.inputs import derive_inputs, sizes
from packager.repository.manifest import canonical
from packager.spec.architecture import TorchScriptSpec
from packager.spec.job import Job, Stage
from packager.spec.recipe import ExportForm, Recipe
from packager.spec.tensors import DataType, TensorSpec
from packager.stages import environment, reads

if TYPE_CHECKING:
    from pathlib import Path

    from packager.stages.output import Output

logger = logging.getLogger(__name__)

ARTIFACT, STATE, QUESTION = "model.pt", "state.pt", "question.pt"
"""Files that stages give: the artifact, trained weights, and what a server is asked."""

SAMPLE = "sample-{}"
"""And an input's tensor of one sample, raw: of data in each kind of pixels, of others by number."""


@dataclass(kw_only=True, slots=True)
class Walk:
    """A build that goes from one stage to the next, whether it runs them or only looks.

    `recipe` becomes more definite on the way: after `data` its classes and inputs are known, after
    `optimize` the artifact's form, after `export` its outputs. `sources` knows the digests of
    source files, `files` those of data and weights. `results` are those of the stages behind,
    `made` the files of those that were run and not found. `fetched` are the data's files. `code`
    are the digests of each stage's source when it was first asked for, and `lost` the stage whose
    kept files could not be read.
    """

    job: Job
    store: Store
    sources: Fingerprints
    files: Fingerprints
    recipe: Recipe
    fetched: Fetched | None = None
    results: dict[Stage, Result] = field(default_factory=dict)
    made: dict[Stage, Mapping[str, bytes]] = field(default_factory=dict)
    code: dict[Stage, Mapping[str, str]] = field(default_factory=dict)
    lost: Stage | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The recipe's stages: none of data where there are none, none for a finished file.

        A form that the recipe names is not chosen.
        """
        absent = set()
        if self.recipe.dataset is None:
            absent.add(Stage.data)
        if isinstance(self.recipe.architecture, TorchScriptSpec):
            absent.add(Stage.train)
        # As it was given: the recipe has got its form on the way.
        if self.job.require_recipe().export.optimize is not ExportForm.auto:
            absent.add(Stage.optimize)
        return tuple(stage for stage in Stage if stage not in absent)

    def inputs(self, stage: Stage) -> dict[str, Any]:
        """Return all that decides a stage's result; the stages before it must be behind."""
        return {
            "reads": self._reads(stage),
            "libraries": environment.libraries(stage, self.recipe, self.sources),
            "host": environment.host(stage, self.recipe),
            "code": self._code(stage),
        }

    def note_code(self) -> None:
        """Note the source of every stage as it is now: what this process runs, whenever it does."""
        for stage in self.stages:
            self._code(stage)

    def key(self, stage: Stage) -> str:
        """Return the key of what a stage reads; the stages before it must be behind."""
        return key_of(self.inputs(stage))

    def find(self, stage: Stage) -> Result | None:
        """Return the result that is kept of a stage."""
        inputs = self.inputs(stage)
        found = self.store.find(stage.value, key_of(inputs))
        limited = self._limited(stage, inputs)
        if found is None and limited is not None:
            found = self.store.find(stage.value, key_of(limited))
        return found

    def keep(
        self, stage: Stage, output: Output, *, inputs: Mapping[str, Any], seconds: float
    ) -> Result:
        """Keep what a stage gave for the `inputs` that it began with, and go on with it.

        Training that a limit ended is kept for that limit only. Where a file changed meanwhile,
        nobody knows which of the two the result is of: it is not kept.
        """
        steady = self._is_steady(stage, inputs)
        if not steady:
            logger.warning("a file that %s reads changed meanwhile: not kept", stage.value)
        limited = self._limited(stage, inputs)
        if limited is not None and output.value.get("stopped_by"):
            inputs = limited
        self.made[stage] = output.files
        value = {**output.value, "seconds": round(seconds, 3)}
        store = self.store if output.is_final and steady else self.store.reader()
        result = store.put(
            stage.value, key_of(inputs), inputs=inputs, value=value, files=output.files
        )
        self.take(stage, result)
        return result

    def take(self, stage: Stage, result: Result) -> None:
        """Go on with a stage's result."""
        self.results[stage] = result
        value = result.value
        if stage is Stage.data and self.recipe.dataset is not None:
            dataset = dataclasses.replace(self.recipe.dataset, classes=tuple(value["classes"]))
            recipe = dataclasses.replace(self.recipe, dataset=dataset)
            self.recipe = derive_inputs(recipe, sample_shape=tuple(value["shape"]))
        elif stage is Stage.optimize:
            export = dataclasses.replace(self.recipe.export, optimize=ExportForm(value["form"]))
            self.recipe = dataclasses.replace(self.recipe, export=export)
        elif stage is Stage.export and not self.recipe.outputs:
            self.recipe = dataclasses.replace(self.recipe, outputs=_tensors(value["outputs"]))

    def value(self, stage: Stage) -> Mapping[str, Any]:
        """Return what a stage behind gave."""
        return self.results[stage].value

    def file(self, stage: Stage, name: str) -> bytes:
        """Return a file that a stage behind gave.

        Raises:
            LostError: it is kept no more, or damaged.
        """
        if name in self.made.get(stage, {}):
            return self.made[stage][name]
        try:
            return self.store.read(self.results[stage], name)
        except LostError:
            self.lost = stage
            raise

    def digest(self, path: Path) -> str:
        """Return the sha256 of a file, or of all files beneath a folder."""
        return self.files.tree(path) if path.is_dir() else self.files.sha256(path)

    @property
    def data(self) -> Mapping[str, Any] | None:
        """What is known of the data; None where there are none."""
        return self.value(Stage.data) if Stage.data in self.results else None

    @property
    def weights(self) -> str | None:
        """The digest of the module's weights; None for a finished file."""
        return self.value(Stage.train)["weights"] if Stage.train in self.results else None

    @property
    def artifact(self) -> str:
        """The sha256 of the artifact."""
        return self.results[Stage.export].files[ARTIFACT]

    @property
    def sample_digests(self) -> tuple[str, ...]:
        """The digest of each input's sample for a warmup; none where none is wanted, or kept."""
        stage, names = self._samples()
        files = self.results[stage].files if stage in self.results else {}
        wanted = self.recipe.serving.warmup > 0 and all(name in files for name in names)
        return tuple(files[name] for name in names) if wanted else ()

    def samples(self) -> tuple[Sample, ...]:
        """Return each input's sample for a warmup; none where none is wanted, or kept.

        Raises:
            LostError: it is kept no more, or damaged.
        """
        if not self.sample_digests:
            return ()
        stage, names = self._samples()
        return tuple(
            Sample(dims=dims, content=self.file(stage, name))
            for dims, name in zip(self._sample_dims(), names, strict=True)
        )

    def unknown_samples(self) -> tuple[Sample, ...]:
        """Return what stands for the samples of a build that has not come to them."""
        wanted = self.recipe.serving.warmup > 0
        dims = self._sample_dims() if wanted else ()
        return tuple(Sample(dims=one, content=None) for one in dims)

    @property
    def config(self) -> str:
        """The digest of all rendered texts."""
        told = self.value(Stage.render)
        return digest_of({key: told[key] for key in ("config", "host_configs", "labels")})

    def _code(self, stage: Stage) -> Mapping[str, str]:
        if stage not in self.code:
            self.code[stage] = environment.code(stage, self.recipe, self.sources)
        return self.code[stage]

    def _is_steady(self, stage: Stage, inputs: Mapping[str, Any]) -> bool:
        """Say whether a stage would read now what it began with, and run the same source."""
        now = environment.code(stage, self.recipe, self.sources)
        return now == self._code(stage) and self.inputs(stage) == inputs

    def _limited(self, stage: Stage, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        limit = getattr(self.recipe.trainer, "max_minutes", None)
        if stage is not Stage.train or limit is None:
            return None
        return {**inputs, "limit": {"trainer.max_minutes": limit}}

    def _reads(self, stage: Stage) -> reads.Read:
        """Return what a stage reads: of the recipe, of files, and of the stages behind."""
        recipe, digest = self.recipe, self.digest
        readers: Mapping[Stage, Callable[[], reads.Read]] = {
            Stage.data: lambda: reads.data(recipe, self._fetched(), digest),
            Stage.train: lambda: reads.train(recipe, data=self.data, digest=digest),
            Stage.optimize: lambda: reads.optimize(
                recipe, data=self.data, weights=self.weights, digest=digest
            ),
            Stage.export: lambda: reads.export(recipe, weights=self.weights, digest=digest),
            Stage.render: lambda: reads.render(recipe, samples=self.sample_digests),
            Stage.rules: lambda: reads.rules(recipe, config=self.config),
            Stage.contract: lambda: reads.contract(
                recipe, artifact=self.artifact, config=self.config
            ),
            Stage.batching: lambda: reads.batching(recipe, artifact=self.artifact, data=self.data),
            Stage.parity: lambda: reads.parity(
                recipe,
                artifact=self.artifact,
                data=self.data,
                weights=self.weights,
                digest=digest,
            ),
            Stage.live: lambda: reads.live(
                recipe,
                artifact=self.artifact,
                config=self.config,
                question=self.results[Stage.parity].files[QUESTION],
                server=environment.server(self.job),
            ),
        }
        return readers[stage]()

    def _samples(self) -> tuple[Stage, tuple[str, ...]]:
        """Return the stage that keeps samples, and its files with one for each input."""
        recipe = self.recipe
        if recipe.dataset is not None:
            return Stage.data, (SAMPLE.format(recipe.export.pixels.value),)
        return Stage.export, tuple(SAMPLE.format(index) for index in range(len(recipe.inputs)))

    def _sample_dims(self) -> tuple[tuple[int, ...], ...]:
        if self.data is not None:
            return (tuple(self.data["shape"]),)
        return tuple(map(sizes, self.recipe.inputs))

    def _fetched(self) -> Fetched:
        if self.fetched is None:
            raise RuntimeError("the data are not fetched yet")
        return self.fetched


def look(walk: Walk) -> Stage | None:
    """Go on as far as results are kept; return the first stage that would run, None for none.

    The data's files must be at hand.
    """
    for stage in walk.stages:
        if stage is Stage.data and walk.fetched is None:
            return stage
        found = walk.find(stage)
        if found is None:
            return stage
        walk.take(stage, found)
    return None


def key_of(inputs: Mapping[str, Any]) -> str:
    """Return the key of what a stage reads."""
    return digest_of(inputs)


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the sha256 of a JSON value's canonical text."""
    return hashlib.sha256(canonical(dict(content)).encode()).hexdigest()


def _tensors(described: list[Mapping[str, Any]]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(name=one["name"], data_type=DataType(one["data_type"]), dims=tuple(one["dims"]))
        for one in described
    )
