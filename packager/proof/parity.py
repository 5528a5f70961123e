"""Proof 4: the bytes to be published answer as the module does that they were made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from packager.errors import ProofError
from packager.proof.asking import (
    FAILURES,
    answers,
    as_served,
    comparable,
    joined,
    like,
    told,
)
from packager.proof.closeness import Closeness, of_module
from packager.proof.not_taken import fails_on_generated
from packager.proof.promise import require_promised
from packager.proof.result import Proof
from packager.proof.samples import Answers, Rows, is_stacked
from packager.proof.tolerances import ACCURACY_LOSS, TOP1_AGREEMENT
from packager.spec.recipe import ExportForm

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packager.spec.recipe import Recipe
    from packager.spec.serving import ServingSpec

KEPT = 256
"""Rows that a server is asked by each protocol."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kept:
    """The first rows that were asked, and the reference's answers: what a server is asked later.

    Both have one tensor an input, or an output, with as many rows; an output whose size follows
    from values, without a batch axis, one tensor a row.
    """

    rows: Rows
    expected: Answers


@dataclass(slots=True)
class _Scores:
    """What labels tell, where there are any and the one output is a score a class."""

    images: int = 0
    agreeing: int = 0
    right: int = 0
    expected_right: int = 0

    def add(self, found: Answers, expected: Answers, labels: torch.Tensor | None) -> None:
        if labels is None or not is_stacked(found) or not is_stacked(expected):
            return
        if len(expected) != 1 or not _are_scores(expected[0]):
            return
        found = like(found, expected)
        ours, theirs = found[0].flatten(1), expected[0].flatten(1)
        if ours.shape != theirs.shape:
            return
        classes, expected_classes = ours.argmax(dim=1), theirs.argmax(dim=1)
        self.images += len(labels)
        self.agreeing += int((classes == expected_classes).sum())
        self.right += int((classes == labels).sum())
        self.expected_right += int((expected_classes == labels).sum())

    @property
    def measured(self) -> dict[str, float]:
        if not self.images:
            return {}
        return {
            "labelled_images": self.images,
            "top1_agreement": self.agreeing / self.images,
            "accuracy": self.right / self.images,
            "module_accuracy": self.expected_right / self.images,
        }


@dataclass(slots=True)
class _Keeping:
    """The first rows, batch by batch, until there are enough."""

    parts: list[tuple[Rows, Answers]] = field(default_factory=list)
    kept: int = 0

    def add(self, rows: Rows, expected: Answers) -> None:
        more = min(KEPT - self.kept, len(rows[0]))
        if more > 0:
            first = tuple(tensor[:more].clone() for tensor in rows)
            self.parts.append((first, tuple(_first(output, more) for output in expected)))
            self.kept += more

    def joined(self) -> Kept:
        rows, expected = zip(*self.parts, strict=True)
        asked = tuple(torch.cat(tensors) for tensors in zip(*rows, strict=True))
        return Kept(rows=asked, expected=joined(expected))


def prove(
    artifact: torch.jit.ScriptModule,
    reference: torch.nn.Module,
    batches: Iterable[tuple[Rows, torch.Tensor | None]],
    *,
    recipe: Recipe,
    source: str,
) -> tuple[Proof, Kept]:
    """Compare the artifact's answers with the reference's, batch by batch, as clients will ask.

    `reference` is in evaluation mode and takes what the artifact takes: the module before export,
    or, for a file that is packaged as it is, that file loaded again. `batches` are rows [N, ...]
    with their labels [N], or None; `source` says what they are ("test images"). Also returns the
    first `KEPT` rows with their answers: the reference's, or the artifact's where it computes in
    bfloat16, since a server has to answer much closer to that. What the artifact gives is held to
    `recipe`.

    NaN and infinity are refused on labelled images, where they mean diverged weights. Without
    labels they may be meant (the logarithm of a mask): the artifact must have the same ones in the
    same places, and not have nothing else.

    Raises:
        ProofError: an answer is off by more than the tolerance, or is not finite, or a class
            differs, or accuracy is lost.
    """
    form = recipe.export.optimize
    close, scores, keeping = Closeness(of_module(form)), _Scores(), _Keeping()
    count, special = 0, 0
    for rows, labels in batches:
        expected = _expected(reference, rows, labels, recipe=recipe, source=source)
        found = _found(artifact, rows, recipe)
        require_promised(recipe.outputs, found, asked=source)
        for ours, theirs in comparable(found, expected):
            close.add(ours, theirs)
        scores.add(found, expected, labels)
        keeping.add(rows, found if form is ExportForm.bfloat16 else expected)
        count += len(rows[0])
        special += sum(int((~_flat(output).isfinite()).sum()) for output in expected)
    if not count:
        raise ProofError(f"there are no {source} to ask", where="dataset", remedy="give some")
    if form is ExportForm.bfloat16:
        _require_judged(scores)
    _require_same(close, scores, form)
    _require_accuracy(scores, form)
    of_itself = isinstance(reference, torch.jit.ScriptModule)
    return Proof(
        name="parity",
        finding=_finding(f"{count:,} {source}", close, scores, of_itself=of_itself)
        + (f"; {special:,} numbers are NaN or infinite, the same in both" if special else ""),
        measured=close.measured | scores.measured,
    ), keeping.joined()


def _expected(
    reference: torch.nn.Module,
    rows: Rows,
    labels: torch.Tensor | None,
    *,
    recipe: Recipe,
    source: str,
) -> Answers:
    """Return the reference's answers; a module with labels answers in batches, as it was trained.

    A served model without a batch axis must then answer as the batches did.
    """
    in_batches = labels is not None and not isinstance(reference, torch.jit.ScriptModule)
    try:
        expected: Answers = (
            answers(reference, rows) if in_batches else as_served(reference, rows, recipe.serving)
        )
    except FAILURES as error:
        if recipe.dataset is None:
            inputs = recipe.inputs
            raise fails_on_generated("the module", inputs, error, rows=rows) from error
        raise ProofError(
            f"the module fails on {source}: {told(error)}",
            where="architecture",
            remedy="correct inputs, or the module",
        ) from error
    _require_alike(expected, recipe.serving, source)
    for index, output in enumerate(expected):
        finite = _flat(output).isfinite()
        if finite.all() if labels is not None else finite.any() or not finite.numel():
            continue
        only = "" if labels is not None else "nothing but "
        raise ProofError(
            f"the module answers {only}NaN or infinity on {source}, in output {index}",
            where="trainer" if labels is not None else "architecture",
            remedy="lower trainer.lr, or train longer; without training correct the weights",
        )
    return expected


def _require_alike(expected: Answers, serving: ServingSpec, source: str) -> None:
    """Check that rows of one batch are shaped as those of another: else neighbours decide it."""
    if is_stacked(expected) or (serving.max_batch_size == 0 and serving.batch_dim is None):
        return
    index = next(place for place, one in enumerate(expected) if isinstance(one, tuple))
    raise ProofError(
        f"output {index} has another shape or type in one batch of {source} than in another: a"
        " row's answer depends on its neighbours",
        where=f"outputs[{index}]",
        remedy="return one shape whatever the values, or choose serving=unbatched"
        " serving.batch_dim=null, where it may follow from them",
    )


def _flat(output: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Return all numbers of an output."""
    if isinstance(output, torch.Tensor):
        return output.flatten()
    return torch.cat([row.flatten() for row in output])


def _found(artifact: torch.jit.ScriptModule, rows: Rows, recipe: Recipe) -> Answers:
    try:
        return as_served(artifact, rows, recipe.serving)
    except FAILURES as error:
        raise ProofError(
            f"the artifact fails where the module does not: {told(error)}",
            where="export.optimize",
            remedy=_plainer(recipe.export.optimize),
        ) from error


def _plainer(form: ExportForm) -> str:
    """Return the remedy for a form that answers otherwise than its module: one that does less."""
    is_frozen_only = form in {ExportForm.freeze, ExportForm.none}
    return f"set export.optimize={'none' if is_frozen_only else 'freeze'}"


def _require_judged(scores: _Scores) -> None:
    """Check that there were classes to judge by: numbers alone do not tell what bfloat16 costs."""
    if scores.images:
        return
    raise ProofError(
        "bfloat16 is judged by the classes of labelled images, and the model gives no score a class"
        " as its one output",
        where="export.optimize",
        remedy=_plainer(ExportForm.bfloat16),
    )


def _require_same(close: Closeness, scores: _Scores, form: ExportForm) -> None:
    agreement = scores.measured.get("top1_agreement", 1.0)
    if close.same and agreement >= TOP1_AGREEMENT:
        return
    differing = round((1 - agreement) * scores.images)
    top1 = (
        f"; top-1 agreement {agreement:.4f}, asked {TOP1_AGREEMENT} ({differing:,} of"
        f" {scores.images:,} images get another class)"
        if scores.images
        else ""
    )
    raise ProofError(
        f"the exported model answers otherwise than the module it was made from: {close}{top1}",
        where="export.optimize",
        remedy=_plainer(form),
    )


def require_as_trained(proof: Proof, trained_accuracy: float) -> None:
    """Check that the reference had the accuracy that training measured on the same images.

    Raises:
        ProofError: it had another: what was exported is not what was trained.
    """
    measured = proof.measured
    if "module_accuracy" not in measured:
        return
    # One image: training asks in other batches, and one near tie may fall the other way.
    allowed = max(ACCURACY_LOSS, 1 / measured["labelled_images"])
    if abs(measured["module_accuracy"] - trained_accuracy) > allowed:
        raise ProofError(
            f"the module has accuracy {measured['module_accuracy']:.2%} on the images for which"
            f" training measured {trained_accuracy:.2%}: other weights, or other preprocessing",
            where="trainer",
            remedy="train again; if it stays, report it",
        )


def _require_accuracy(scores: _Scores, form: ExportForm) -> None:
    measured = scores.measured
    if measured and measured["module_accuracy"] - measured["accuracy"] > ACCURACY_LOSS:
        raise ProofError(
            f"the exported model has accuracy {measured['accuracy']:.2%}, the module it was made"
            f" from {measured['module_accuracy']:.2%}",
            where="export.optimize",
            remedy=_plainer(form),
        )


def _finding(what: str, close: Closeness, scores: _Scores, *, of_itself: bool) -> str:
    text = f"{what}: max error {close.relative_error:.1e} of max|y|"
    measured = close.measured | scores.measured
    for key, words in {
        "equal_integers": "equal integers",
        "top1_agreement": "top-1 agreement",
        "accuracy": "accuracy",
    }.items():
        if key in measured:
            text += f", {words} {measured[key]:.2%}"
    return f"{text}, by the file's own answers" if of_itself else text


def _are_scores(output: torch.Tensor) -> bool:
    """Return whether an output is [N, classes] of floats, axes of one aside."""
    return (
        output.is_floating_point()
        and output.dim() > 1
        and output.flatten(1).shape[1] == output.shape[-1]
    )


def _first(
    output: torch.Tensor | tuple[torch.Tensor, ...], count: int
) -> torch.Tensor | tuple[torch.Tensor, ...]:
    return output[:count] if isinstance(output, tuple) else output[:count].clone()
