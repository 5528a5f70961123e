"""From the answers of Triton's classification extension to probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Scores = NDArray[np.float64]

SUM_TOLERANCE = 2e-3
"""Probabilities of FP16 models sum to one so closely."""

SCORE_TOLERANCE = 1e-6
"""Triton writes scores with six decimals."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Answer:
    """A picture's scores by the number of the class, and the names that Triton gave."""

    scores: Scores
    labels: Mapping[int, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Class:
    """A class and how probable it is; `label` is its number where the model has no labels."""

    index: int
    label: str
    probability: float


def answers(texts: Sequence[str], *, rows: int, is_batched: bool) -> list[Answer]:
    """Read `score:index:label` of every class of `rows` pictures.

    Triton numbers the classes of each picture from 0. Of a model without batching it knows no
    pictures: their scores are numbered through, and only the first one's have labels.
    """
    classes = len(texts) // rows
    scores = np.full((rows, classes), np.nan)
    labels: dict[int, str] = {}
    for place, text in enumerate(texts):
        score, number, *label = text.split(":", 2)
        row, index = place // classes, int(number)
        if not is_batched:
            row, index = divmod(index, classes)
        scores[row, index] = float(score)
        if label and label[0]:
            labels.setdefault(index, label[0])
    return [Answer(scores=row, labels=labels) for row in scores]


def are_probabilities(found: Sequence[Answer]) -> bool:
    """Return whether all scores are in [0, 1] and each picture's sum to one.

    Pictures whose scores are no numbers do not count.
    """
    return all(
        bool((one.scores >= 0).all())
        and bool((one.scores <= 1).all())
        and abs(one.scores.sum() - 1) <= SUM_TOLERANCE + SCORE_TOLERANCE * len(one.scores)
        for one in found
        if np.isfinite(one.scores).all()
    )


def classes(answer: Answer, *, top: int, are_probabilities: bool) -> tuple[Class, ...]:
    """Return the most probable classes, the best first; none where scores are no numbers.

    Scores that are no probabilities are logits, and get the softmax over all classes.
    """
    scores = answer.scores
    if np.isnan(scores).any() or not np.isfinite(scores.max()):
        return ()
    chances = scores if are_probabilities else _softmax(scores)
    best = np.argsort(-scores, kind="stable")[:top].tolist()
    return tuple(
        Class(
            index=index,
            label=answer.labels.get(index, str(index)),
            probability=float(chances[index]),
        )
        for index in best
    )


def _softmax(scores: Scores) -> Scores:
    powers = np.exp(scores - scores.max())
    whole: Scores = powers / powers.sum()
    return whole
