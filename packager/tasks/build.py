"""`task=build`: data, training, export, config, proofs, publishing; each stage as far as needed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import time
from typing import TYPE_CHECKING

from packager import console
from packager.architectures import layers
from packager.cache.store import LostError
from packager.datasets.fetch import fetch
from packager.errors import SpecError
from packager.model_config.render import STAGED_VERSION
from packager.proof import batching
from packager.proof.golden import golden
from packager.proof.result import Verdict, from_json
from packager.repository.destination import destination_of
from packager.repository.publish import Published, rewrite_manifest
from packager.repository.staging import reported
from packager.spec.architecture import LayersSpec
from packager.spec.job import Stage
from packager.spec.recipe import RepositorySpec
from packager.spec.server import ExternalServerSpec
from packager.stages.start import begun
from packager.tasks import measuring, proofs, proving
from packager.tasks.candidate import Candidate, stage, write_texts
from packager.tasks.compatibility import require_compatible, warn_of_release
from packager.tasks.exporting import export
from packager.tasks.ingredients import Ingredients
from packager.tasks.loading import data_output
from packager.tasks.optimizing import optimize
from packager.tasks.pinned import known_by_published
from packager.tasks.recording import manifest_of
from packager.tasks.rendering import rendered
from packager.tasks.requests import examples
from packager.tasks.summary import print_proven, print_published
from packager.tasks.training import train
from packager.tasks.unchanged import identity_of, same_identity, summary_of, tell
from packager.training import ranks
from packager.training.device import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from packager.cache.record import Result
    from packager.proof.result import Proof
    from packager.spec.job import Job
    from packager.spec.recipe import Recipe
    from packager.stages.output import Output
    from packager.stages.walk import Walk
    from packager.tasks.summary import Summary

REUSED = "(reused)"

logger = logging.getLogger(__name__)


def run(job: Job) -> Summary | None:
    """Build and publish the job's recipe; print what was done.

    Of several processes that train together, one publishes and returns a summary.

    Raises:
        SpecError, ProofError, UnavailableError: as the stages do; nothing is published then.
    """
    recipe = job.require_recipe()
    _require_fitting_layers(recipe)
    lost: set[Stage] = set()
    while True:
        prepare(seed=recipe.trainer.seed, threads=recipe.trainer.threads)
        with begun(job) as walk:
            try:
                return _Build(walk, forced=job.forced | lost).run()
            except LostError as error:
                # Its stage runs now, though a cache that is read-only still has the damaged entry.
                logger.warning("%s", error)
                lost |= {walk.lost} if walk.lost else set()


class _Build:
    """One build, from stage to stage."""

    def __init__(self, walk: Walk, *, forced: frozenset[Stage]) -> None:
        self.walk, self.job, self.forced = walk, walk.job, forced
        self.ingredients = Ingredients(walk)
        self.destination = destination_of(self.job.repository)
        walk.note_code()

    def run(self) -> Summary | None:
        """Run every stage that has to, and publish; None in processes that only help to train."""
        walk = self.walk
        if Stage.data in walk.stages:
            self._data()
        if Stage.train in walk.stages and not self._train():
            return None
        if Stage.optimize in walk.stages:
            self._optimize()
        with console.stage("export") as findings:
            reused = self._done(Stage.export, lambda: export(walk, self.ingredients))
            findings.append(_told(walk, Stage.export, reused=reused))
        self._done(Stage.render, lambda: rendered(walk.recipe, walk.samples()))
        require_compatible(self.job, walk.recipe)
        warn_of_release(walk)
        with self.destination.staged(walk.recipe.name) as model:
            with reported(model.directory, "repository.staging"):
                candidate = stage(walk, model)
            proven = self._prove(candidate)
            measured = self._measured(candidate)
            if not self.job.publishes:
                if not self.job.is_brief:
                    console.out.print(console.proofs_table(proven))
                summary = summary_of(walk, version=None, identity=identity_of(walk))
                summary = summary.with_metrics(measured)
                print_proven(summary)
                return summary
            candidate = candidate.with_golden(golden(proofs.question_of(walk)))
            published, identity = self._publish(candidate, proven)
            summary = summary_of(walk, version=published.version, identity=identity).with_metrics(
                measured
            )
            _print(walk, published, proven, summary)
        return summary

    def _data(self) -> None:
        walk, spec = self.walk, self.walk.recipe.dataset
        if spec is None:
            return
        with console.stage("data") as findings:
            walk.fetched = fetch(spec, cache=self.job.cache.path / "data")
            reused = self._done(
                Stage.data, lambda: data_output(spec, self.ingredients.require_dataset())
            )
            findings.append(_told(walk, Stage.data, reused=reused))
        if walk.value(Stage.data)["subset"]:
            console.warn_subset(spec.name)

    def _train(self) -> bool:
        """Return whether this process goes on, with the weights."""
        walk = self.walk
        found = self._found(Stage.train)
        if found is None:
            _require_fitting_layers(walk.recipe)
            with self._producing(Stage.train):
                # Of processes that train together each decides alone, so none looks again.
                found = self._found(Stage.train) if ranks.size() == 1 else None
                if found is None:
                    return train(walk, self.ingredients, self._keeping(Stage.train)) is not None
        walk.take(Stage.train, found)
        console.reused("train", found.value["finding"])
        return ranks.is_main()

    def _optimize(self) -> None:
        """Choose the artifact's form, once for all builds of the same on hosts of the same kind."""
        walk, again = self.walk, Stage.optimize in self.forced

        def make() -> Output:
            known = known_by_published(walk, again=again)
            return optimize(walk, self.ingredients) if known is None else known

        with console.stage("optimize") as findings:
            reused = self._done(Stage.optimize, make)
            findings.append(_told(walk, Stage.optimize, reused=reused))

    def _prove(self, candidate: Candidate) -> list[Proof]:
        with console.stage("prove") as findings:
            names = []
            for one in proofs.PROOFS:
                make = functools.partial(proofs.prove, one, self.walk, self.ingredients, candidate)
                reused = self._done(one, make)
                names.append(f"{one.value} {REUSED}" if reused else one.value)
            findings.append(", ".join(names))
        candidate.require_unchanged()
        return [from_json(self.walk.value(one)["proof"]) for one in proofs.PROOFS]

    def _measured(self, candidate: Candidate) -> Mapping[str, float]:
        """Return how fast a server answers with what is proven, where that is asked."""
        if not self.job.measures:
            return {}
        with console.stage("measure") as findings:
            question = proofs.question_of(self.walk)
            timings = measuring.measured(self.job.server, candidate.model, question)
            findings.append(measuring.told(timings))
        return measuring.metrics(timings)

    def _publish(self, candidate: Candidate, proven: list[Proof]) -> tuple[Published, str]:
        """Publish what is proven, unless the same is published already; return its identity too."""
        walk = self.walk
        if proven[-1].verdict is Verdict.after_publishing:
            # The version may have to be taken back: known before it is published.
            self.job.require_local_repository()
        manifest = functools.partial(manifest_of, walk, candidate)

        def finish(number: int) -> None:
            # Once more, under the lock: another build may have published meanwhile.
            require_compatible(self.job, walk.recipe)
            texts = rendered(walk.recipe, walk.samples(), version=number).value
            write_texts(candidate.model, texts)
            text = manifest(proofs=proven, version=number).to_json()
            candidate.model.manifest(STAGED_VERSION).write_text(text)

        asks_later = proven[-1].verdict is Verdict.after_publishing
        if asks_later:
            _require_way_back(self.job)
        with console.stage("publish") as findings:
            same = same_identity(walk)
            if same is not None:
                version, identity = same
                published = Published(model=candidate.model, version=version, new=False)
            else:
                identity = manifest(proofs=proven, version=STAGED_VERSION).identity
                published = self.destination.publish(
                    candidate.model, identity=identity, finish=finish
                )
            if published.new and asks_later:
                proven[-1] = self._proven_when_published(published)
                made = manifest(proofs=proven, version=published.version)
                rewrite_manifest(published, made.to_json(), self.job.require_local_repository())
            told = f"{walk.recipe.name} version {published.version}"
            findings.append(told if published.new else f"nothing: {told} is the same")
        return published, identity

    def _proven_when_published(self, published: Published) -> Proof:
        """Return the live proof by a server that follows the repository."""
        server = self.job.server
        if not isinstance(server, ExternalServerSpec):
            raise TypeError("only an external server is asked after publishing")
        question = dataclasses.replace(proofs.question_of(self.walk), version=published.version)
        repository = self.job.require_local_repository()
        proof = proving.after_publishing(server, published, repository, question)
        inputs = self.walk.inputs(Stage.live)
        self.walk.keep(Stage.live, proofs.proof_output(proof), inputs=inputs, seconds=0.0)
        return proof

    def _done(self, one: Stage, make: Callable[[], Output]) -> bool:
        """Go on with what is kept of a stage, or run it; return whether it was kept."""
        found = self._found(one)
        if found is None:
            with self._producing(one):
                found = self._found(one)
                if found is None:
                    self._keeping(one)(make())
                    return False
        self.walk.take(one, found)
        return True

    def _found(self, one: Stage) -> Result | None:
        return None if one in self.forced else self.walk.find(one)

    @contextlib.contextmanager
    def _producing(self, one: Stage) -> Iterator[None]:
        """Let others that need the same wait for it; processes that train together do not."""
        if ranks.size() > 1:
            yield
            return
        with self.walk.store.producing(one.value, self.walk.key(one)):
            yield

    def _keeping(self, one: Stage) -> Callable[[Output], Result]:
        """Return what keeps a stage's output with the seconds from now until then."""
        walk, inputs, started = self.walk, self.walk.inputs(one), time.perf_counter()
        return lambda output: walk.keep(
            one, output, inputs=inputs, seconds=time.perf_counter() - started
        )


def _require_way_back(job: Job) -> None:
    """Check that what is proven after publishing can be taken back: in a directory only.

    Raises:
        SpecError: the repository lies in an object store.
    """
    if not isinstance(job.repository, RepositorySpec):
        raise SpecError(
            "this server loads only what is published, and what is published to an object store is"
            " not taken back",
            where="server",
            remedy="run it with --model-control-mode=explicit, or choose server=embedded",
        )


def _told(walk: Walk, one: Stage, *, reused: bool) -> str:
    finding = str(walk.value(one)["finding"])
    return f"{finding} {REUSED}" if reused else finding


def _require_fitting_layers(recipe: Recipe) -> None:
    """Check that a stack of layers, of known input, fits together and fits into memory."""
    if not isinstance(recipe.architecture, LayersSpec) or not recipe.inputs:
        return
    shape = recipe.inputs[0].dims
    if -1 in shape:
        return
    placed = layers.place(recipe.architecture, sample_shape=shape)
    last = placed[-1]
    classes = len(recipe.classes)
    if classes and last.output_shape != (classes,):
        raise SpecError(
            f"the last layer gives {list(last.output_shape)}; the dataset has {classes} classes",
            where=f"architecture.layers[{len(recipe.architecture.layers) - 1}]",
            remedy=f"end with Linear: {{out_features: {classes}}}",
        )
    bytes_per_row = layers.peak_bytes(placed, sample_shape=shape)
    batching.require_memory(recipe.serving, bytes_per_row=bytes_per_row)


def _print(walk: Walk, published: Published, proven: list[Proof], summary: Summary) -> None:
    place, is_brief = destination_of(walk.job.repository).title, walk.job.is_brief
    if not is_brief:
        console.out.print(console.proofs_table(proven))
    if not published.new:
        tell(walk.job, summary)
        return
    if not is_brief:
        tree = console.model_tree(
            published.model.directory, published.version, title=f"{place}/{summary.name}"
        )
        console.out.print(tree, "")
    print_published(summary)
    if not is_brief:
        console.out.print(examples(walk.recipe, repository=place), markup=False)
