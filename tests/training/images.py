"""A few hundred real images, for training, export and the proofs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from packager.architectures.layers import build_sequential
from packager.datasets.fetch import fetch
from packager.datasets.load import Dataset, load
from packager.spec.architecture import LayerSpec, LayersSpec
from packager.spec.dataset import SourceKind
from tests.model_config.composing import dataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn

IMAGE = (1, 28, 28)
TINY = LayersSpec(
    layers=(
        LayerSpec(name="Flatten", arguments={}),
        LayerSpec(name="Linear", arguments={"out_features": 24}),
        LayerSpec(name="BatchNorm1d", arguments={}),
        LayerSpec(name="ReLU", arguments={}),
        LayerSpec(name="Linear", arguments={"out_features": 10}),
    )
)


@pytest.fixture(scope="session")
def images(cache_home: Path) -> Dataset:
    """Give 600 training and 300 test images of Fashion-MNIST, from its Debian package."""
    if shutil.which("apt-get") is None:
        pytest.skip("Fashion-MNIST comes from a Debian package; apt-get is not installed")
    spec = dataset("model=fashion_cnn")
    debian = tuple(source for source in spec.sources if source.kind is SourceKind.debian)
    spec = replace(spec, sources=debian, max_train_samples=600, max_test_samples=300)
    return load(spec, fetch(spec, cache=cache_home / "packager" / "data"))


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Keep to two cores, and give the number of before back."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def tiny(seed: int = 0) -> nn.Sequential:
    """Return a small module with batch norm, its weights drawn from a seed."""
    torch.manual_seed(seed)
    return build_sequential(TINY, sample_shape=IMAGE)
