"""From Triton's `score:index:label` to probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from packager.prediction.scores import Answer, answers, are_probabilities, classes


def answer(*scores: float) -> Answer:
    """A picture's scores, without labels."""
    return Answer(scores=np.array(scores), labels={})


def test_answers_of_a_batch_are_numbered_picture_by_picture() -> None:
    """Labels may hold colons."""
    texts = ["3.0:1:a:b", "1.0:0:bag", "2.0:0:bag", "-1.0:1:a:b"]
    first, second = answers(texts, rows=2, is_batched=True)
    assert (first.scores.tolist(), second.scores.tolist()) == ([1, 3], [2, -1])
    assert first.labels == second.labels == {0: "bag", 1: "a:b"}


def test_answers_without_batching_are_numbered_through() -> None:
    """As Triton sorts them: over all pictures, with labels for the first one's only."""
    texts = ["9.0:3", "3.0:1:shirt", "2.0:2", "1.0:0:bag"]
    first, second = answers(texts, rows=2, is_batched=False)
    assert (first.scores.tolist(), second.scores.tolist()) == ([1, 3], [2, 9])
    assert classes(second, top=1, are_probabilities=False)[0].label == "shirt"


def test_logits_get_the_softmax_over_all_classes() -> None:
    """Large ones too; the classes that are not shown count."""
    best, second = classes(answer(1000.0, 998.0, 1000.0), top=2, are_probabilities=False)
    assert (best.index, best.label, second.index) == (0, "0", 2)
    assert best.probability == pytest.approx(1 / (2 + np.exp(-2)))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([answer(0.25, 0.75), answer(1.0, 0.0)], True),
        ([answer(0.2501, 0.75)], True),
        ([answer(0.25, 0.75), answer(0.5, 0.6)], False),
        ([answer(1.5, -0.5)], False),
        ([answer(0.25, 0.75), answer(float("nan"), 1.0)], True),
    ],
)
def test_scores_are_probabilities_where_every_pictures_are(
    found: list[Answer], expected: bool
) -> None:
    """One picture whose logits look like it, or are no numbers, decides nothing for the others."""
    assert are_probabilities(found) is expected


def test_probabilities_stay_as_they_are() -> None:
    """No softmax on top."""
    (best,) = classes(answer(0.25, 0.75), top=1, are_probabilities=True)
    assert (best.index, best.probability) == (1, 0.75)


def test_scores_that_are_no_numbers_name_no_class() -> None:
    """A class that is ruled out by minus infinity is none of them."""
    assert classes(answer(float("nan"), 1.0), top=1, are_probabilities=False) == ()
    assert classes(answer(float("inf"), 1.0), top=1, are_probabilities=False) == ()
    (best,) = classes(answer(float("-inf"), 1.0), top=1, are_probabilities=False)
    assert best.probability == 1
