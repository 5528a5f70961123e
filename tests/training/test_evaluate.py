"""Answers counted: accuracy, confusion, classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from packager.datasets.samples import Split
from packager.training.evaluate import Evaluation, evaluate

from .images import tiny

if TYPE_CHECKING:
    from packager.datasets.load import Dataset


def test_every_image_is_counted_once(images: Dataset) -> None:
    """More images than one batch of evaluation holds; half of the labels are made wrong."""
    module = tiny().eval()
    assert isinstance(images.train, Split)
    assert isinstance(images.test, Split)
    many = torch.cat([images.train.images, images.test.images])
    with torch.no_grad():
        labels = module(many.float() / 255).argmax(dim=1)
    assert evaluate(module, Split(images=many, labels=labels)).accuracy == 1.0
    labels[450:] = (labels[450:] + 1) % 10
    found = evaluate(module, Split(images=many, labels=labels))
    assert found.accuracy == 0.5
    assert sum(map(sum, found.confusion)) == 900


def test_confusion_has_a_row_for_each_true_class() -> None:
    """Three of class 0, one of them taken for class 1; no image of class 2."""
    found = Evaluation(confusion=((2, 1, 0), (0, 5, 0), (0, 0, 0)))
    assert found.accuracy == pytest.approx(7 / 8)
    assert found.class_accuracies == (2 / 3, 1.0, None)
