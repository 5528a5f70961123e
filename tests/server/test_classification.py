"""Triton's classification extension, asked as `task=predict` asks: every class of every picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from packager.client import RequestError, WireFormat
from packager.prediction import scores
from packager.prediction.classifier import classifier
from packager.prediction.preparing import Preprocessing

from .conftest import config, tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from packager.prediction.scores import Answer

    from .conftest import Workbench

LABELS = ("bag", "shirt: long", "coat")
LABELLED = '{ name: "y" data_type: TYPE_FP32 dims: %s label_filename: "labels.txt" }'


class Means(nn.Module):
    """Of pictures [N, 1, H, W] the mean, its double and its negative, as three scores."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give [N, 3]."""
        mean = x.mean(dim=[1, 2, 3])
        return torch.stack([mean, 2 * mean, -mean], dim=1)


class Chances(nn.Module):
    """The same through a softmax."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Give [N, 3]."""
        mean = x.mean(dim=[1, 2, 3])
        return torch.stack([mean, 2 * mean, -mean], dim=1).softmax(1)


def _pictures(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).random((count, 1, 2, 2), dtype=np.float32)


def _load(workbench: Workbench, module: nn.Module, text: str, labels: Sequence[str]) -> str:
    name = workbench.write(module, text)
    if labels:
        (workbench.repository / name / "labels.txt").write_text("\n".join(labels) + "\n")
    workbench.client.load(name)
    workbench._loaded.append(name)
    return name


def _ask(
    workbench: Workbench, name: str, rows: NDArray[np.float32], wire: WireFormat
) -> list[Answer]:
    client = workbench.client
    asked = classifier(client.model_metadata(name), client.model_config(name), Preprocessing())
    sent = asked.tensor(rows)
    texts = client.classify(wire, name, 1, {asked.input: sent}, {asked.output: asked.class_count})[
        asked.output
    ]
    return scores.answers(texts, rows=len(sent), is_batched=asked.is_batched)[: len(rows)]


def _expected(module: nn.Module, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.array(module(torch.from_numpy(rows)))


BATCHED = config([tensor("x", "FP32", 1, 2, 2)], [LABELLED % "[3]"])
THREE_AT_ONCE = config([tensor("x", "FP32", 3, 1, 2, 2)], [LABELLED % "[3, 3]"], max_batch_size=0)
OPEN = config([tensor("x", "FP32", 1, -1, -1)], [tensor("y", "FP32", -1)])


@pytest.mark.parametrize(("text", "rows"), [(BATCHED, 4), (THREE_AT_ONCE, 2)])
def test_every_picture_gets_its_own_scores_and_the_models_labels(
    workbench: Workbench, text: str, rows: int
) -> None:
    """Over every protocol; with Triton's batching and without, where it numbers all through.

    What Triton refuses is told in its words.
    """
    name, pictures = _load(workbench, Means(), text, LABELS), _pictures(rows)
    for wire in WireFormat:
        found = _ask(workbench, name, pictures, wire)
        np.testing.assert_allclose(
            [one.scores for one in found], _expected(Means(), pictures), atol=1e-6
        )
        assert [dict(sorted(one.labels.items())) for one in found] == [
            dict(enumerate(LABELS))
        ] * rows
        with pytest.raises(RequestError, match="shape"):
            workbench.client.classify(wire, name, 1, {"x": pictures[:, :, :1]}, {"y": 3})
    assert not scores.are_probabilities(found)


def test_probabilities_of_a_model_without_labels_are_kept(workbench: Workbench) -> None:
    """They are told by their numbers; how many there are it need not say."""
    name, pictures = _load(workbench, Chances(), OPEN, ()), _pictures(3)
    found = _ask(workbench, name, pictures, WireFormat.BINARY)
    assert scores.are_probabilities(found)
    best = [scores.classes(one, top=1, are_probabilities=True)[0] for one in found]
    expected = _expected(Chances(), pictures)
    assert [one.label for one in best] == [str(number) for number in expected.argmax(1)]
    np.testing.assert_allclose([one.probability for one in best], expected.max(1), atol=1e-6)
