"""What users bring of their own: classes, recipes, weights and photos, from real Fashion-MNIST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from packager.datasets.fetch import fetch
from packager.datasets.load import load
from packager.datasets.samples import Split
from packager.datasets.transforms import to_input
from tests.model_config import composing

if TYPE_CHECKING:
    from pathlib import Path

FEW = ("dataset.max_train_samples=300", "dataset.max_test_samples=100")

CODE = '''\
"""Scores for a shop."""

import torch
from torch import Tensor, nn


class Scorer(nn.Module):
    """How much a user likes an item, and how probably they buy it."""

    def __init__(self, items: int, width: int = 8) -> None:
        super().__init__()
        self.item = nn.Embedding(items, width)
        self.user = nn.Linear(4, width)

    def forward(self, user: Tensor, item: Tensor) -> tuple[Tensor, Tensor]:
        score = (self.user(user) * self.item(item[:, 0])).sum(1, keepdim=True)
        return score, torch.sigmoid(score)


class Sorter(nn.Module):
    """Two linear layers."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 10)
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)
'''

CONFIGURATION = {
    "model/scorer.yaml": """\
# @package _global_
# Scores an item for a user
defaults:
  - override /dataset: none
  - override /architecture: scorer
  - override /trainer: none

name: scorer
inputs:
  - {name: user, data_type: FP32, dims: [4]}
  - {name: item, data_type: INT64, dims: [1]}
outputs:
  - {name: score, data_type: FP32, dims: [1]}
  - {name: probability, data_type: FP32, dims: [1]}
""",
    "architecture/scorer.yaml": """\
# A shop's scores for its items
defaults: [/schema/architecture@_here_, _self_]

module_class: shop.scores:Scorer
arguments: {items: 50}
""",
    "architecture/linear.yaml": """\
# One linear layer
defaults: [/schema/architecture@_here_, _self_]

layers:
  - Flatten
  - Linear: {out_features: 10}
""",
    "architecture/photos.yaml": """\
# A convolution and a head for three classes
defaults: [/schema/architecture@_here_, _self_]

layers:
  - Conv2d: {out_channels: 8, kernel_size: 3, stride: 2}
  - BatchNorm2d
  - ReLU
  - Flatten
  - Linear: {out_features: 3}
""",
}

CLOTHES = {"bag": (8, (255, 60, 60)), "shirt": (6, (60, 255, 60)), "trouser": (1, (60, 60, 255))}
"""Classes of the photos: their labels in Fashion-MNIST, and the colours they are tinted with."""

PHOTOS_A_CLASS = 20
PHOTO_SIZE = (40, 30)
"""Width and height."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clothes:
    """Images of Fashion-MNIST, as many of each split as `FEW` takes."""

    train: Split
    test: Split


def read_clothes(cache_home: Path) -> Clothes:
    """Return the images, which stay in the session's cache."""
    spec = composing.dataset("model=fashion_cnn", *FEW)
    found = load(spec, fetch(spec, cache=cache_home / "packager" / "data"))
    assert isinstance(found.train, Split)
    assert isinstance(found.test, Split)
    return Clothes(train=found.train, test=found.test)


def write_configuration(folder: Path) -> None:
    """Write a user's `--config-dir`, and beside it the package that it names."""
    for name, text in CONFIGURATION.items():
        path = folder / "my" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "scores.py").write_text(CODE)


def nearest_mean(clothes: Clothes) -> nn.Module:
    """Return layers like `linear.yaml`'s that choose the class whose mean image is nearest."""
    images, labels = to_input(clothes.train.images, None).flatten(1), clothes.train.labels
    means = torch.stack([images[labels == label].mean(0) for label in range(10)])
    linear = nn.Linear(784, 10)
    state = {"weight": means, "bias": means.square().sum(1) / -2}
    linear.load_state_dict(state)
    return nn.Sequential(nn.Flatten(), linear).eval()


def accuracy(module: nn.Module, clothes: Clothes) -> float:
    """Return the share of test images that a module of float pixels gets right."""
    with torch.no_grad():
        scores = module(to_input(clothes.test.images, None))
    return float((scores.argmax(1) == clothes.test.labels).double().mean())


def write_weights(module: nn.Module, folder: Path) -> None:
    """Write one module's weights, and the module itself, in every form there is, sound or not."""
    state = module.state_dict()
    torch.save(state, folder / "weights.pt")
    save_file(state, folder / "weights.safetensors")
    torch.save(state | {"1.weight": torch.zeros(7, 784), "1.bias": torch.zeros(7)}, folder / "7.pt")
    torch.save(module, folder / "saved.pt")
    _script(module.eval(), folder / "script.pt")
    whole = (folder / "script.pt").read_bytes()
    (folder / "cut.pt").write_bytes(whole[: len(whole) // 2])
    _script(module.train(), folder / "training.pt")
    module.eval()


def _script(module: nn.Module, path: Path) -> None:
    torch.jit.script(module).save(path)  # type: ignore[no-untyped-call]


def write_photos(clothes: Clothes, folder: Path) -> None:
    """Write tinted photos, RGB and wider than high, as <class>/*.png."""
    for name, (label, tint) in CLOTHES.items():
        (folder / name).mkdir(parents=True)
        images = clothes.train.images[clothes.train.labels == label][:PHOTOS_A_CLASS, 0]
        assert len(images) == PHOTOS_A_CLASS
        for index, image in enumerate(images.numpy()):
            tinted = (image[..., np.newaxis] * (np.array(tint) / 255)).astype(np.uint8)
            photo = Image.fromarray(tinted).resize(PHOTO_SIZE)
            photo.save(folder / name / f"{index:03}.png")
