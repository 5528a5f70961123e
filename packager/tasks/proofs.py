"""The proofs as stages of a build: what each is asked, and what is kept of its answer."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from packager.datasets.samples import first, in_order
from packager.model_config.render import STAGED_VERSION
from packager.model_config.warmup import warmup
from packager.proof import batching, contract, parity, rules
from packager.proof.question import Question
from packager.proof.result import Proof, Verdict
from packager.proof.samples import generated, image_rows
from packager.spec.job import Stage
from packager.stages.output import Output
from packager.stages.walk import QUESTION
from packager.tasks import proving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.proof.samples import Rows
    from packager.stages.walk import Walk
    from packager.tasks.candidate import Candidate
    from packager.tasks.ingredients import Ingredients

PROOFS = (Stage.rules, Stage.contract, Stage.batching, Stage.parity, Stage.live)

SAMPLE = 256
"""Test images that are tried in batches of every size."""

TEST_BATCH = 500
"""How many test images are compared at a time."""


def prove(stage: Stage, walk: Walk, ingredients: Ingredients, candidate: Candidate) -> Output:
    """Make one proof of the staged model.

    Raises:
        ProofError, SpecError, UnavailableError: as that proof does.
    """
    recipe, model = walk.recipe, candidate.model
    match stage:
        case Stage.rules:
            hosts = dict(walk.value(Stage.render)["host_configs"])
            sent = warmup(recipe, walk.samples())
            return proof_output(rules.prove(model.config.read_text(), recipe, hosts, sent))
        case Stage.contract:
            config = model.config.read_text()
            return proof_output(contract.prove(recipe, candidate.loaded(), config=config))
        case Stage.batching:
            rows = sample(walk, ingredients)
            return proof_output(
                batching.prove(
                    candidate.loaded(),
                    rows,
                    recipe.serving,
                    outputs=recipe.outputs,
                    form=recipe.export.optimize,
                )
            )
        case Stage.parity:
            return _parity(walk, ingredients, candidate)
        case Stage.live:
            question = question_of(walk)
            return proof_output(proving.before_publishing(walk.job.server, model, question))
        case _:
            raise ValueError(f"{stage.value} is no proof")


def question_of(walk: Walk) -> Question:
    """Return what a server is asked: the first rows of parity, with the reference's answers."""
    content = io.BytesIO(walk.file(Stage.parity, QUESTION))
    kept = torch.load(content, weights_only=True)
    return Question(
        recipe=walk.recipe, rows=kept["rows"], expected=kept["expected"], version=STAGED_VERSION
    )


def proof_output(proof: Proof) -> Output:
    """Return a proof as its stage's output; one that is yet to be made is not final."""
    return Output(
        value={"finding": proof.name, "proof": proof.as_json()},
        is_final=proof.verdict is not Verdict.after_publishing,
    )


def _parity(walk: Walk, ingredients: Ingredients, candidate: Candidate) -> Output:
    source, batches = questions(walk, ingredients)
    proof, kept = parity.prove(
        candidate.loaded(), ingredients.reference(), batches, recipe=walk.recipe, source=source
    )
    training = walk.value(Stage.train)["training"] if Stage.train in walk.results else None
    if training is not None:
        parity.require_as_trained(proof, training["test_accuracy"])
    content = io.BytesIO()
    torch.save({"rows": kept.rows, "expected": kept.expected}, content)
    return replace(proof_output(proof), files={QUESTION: content.getvalue()})


def sample(walk: Walk, ingredients: Ingredients) -> Rows:
    """Return some of what the model is asked."""
    if ingredients.dataset is None:
        return generated(walk.recipe.inputs)
    return image_rows(first(ingredients.dataset.test, SAMPLE).images, walk.recipe)


def questions(
    walk: Walk, ingredients: Ingredients
) -> tuple[str, Iterator[tuple[Rows, torch.Tensor | None]]]:
    """Return what the model is asked: every test image, or generated inputs where there is none."""
    recipe, dataset = walk.recipe, ingredients.dataset
    if dataset is None:
        return "generated inputs", iter([(generated(recipe.inputs), None)])
    batches = in_order(dataset.test, TEST_BATCH)
    return "test images", ((image_rows(images, recipe), labels) for images, labels in batches)
