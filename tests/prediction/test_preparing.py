"""Pictures are prepared as training prepares them: bit for bit, by its very code or its twin."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from packager.datasets.decoding import open_image
from packager.datasets.load import load
from packager.datasets.transforms import to_input
from packager.errors import SpecError
from packager.prediction.preparing import Preprocessing, pixels, preprocessing, values
from packager.spec.dataset import NormalizeSpec
from packager.tasks.recording import preprocessing_record
from tests.datasets.images import fetched, images_spec, noise, save
from tests.model_config.composing import recipe

if TYPE_CHECKING:
    from pathlib import Path

NORMALIZE = NormalizeSpec(mean=(0.2861, 0.5, 0.1), std=(0.353, 0.25, 0.3))


@pytest.mark.parametrize("normalize", [None, NORMALIZE])
def test_values_are_those_of_training_bit_for_bit(normalize: NormalizeSpec | None) -> None:
    """Every byte in every channel; nothing of torch is needed for it."""
    images = np.tile(np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16), (2, 3, 1, 1))
    found = values(images, Preprocessing(normalize=normalize))
    assert found.dtype == np.float32
    assert np.array_equal(found, to_input(torch.from_numpy(images), normalize).numpy())


def test_a_model_that_scales_itself_gets_bytes() -> None:
    """They are what it was proven with."""
    images = noise(2, 1, 4).reshape(1, 1, 2, 4)
    assert values(images, Preprocessing(scale=False)) is images


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_picture_is_what_training_makes_of_the_same_file(
    tmp_path: Path, invert: bool, in_memory: bool
) -> None:
    """Of another size and mode, in memory or not, inverted or not."""
    for name in ("bag", "shirt"):
        for number in range(5):
            save(noise(11, 13, 3, seed=number), tmp_path / name / f"{number}.png")
    spec = replace(
        images_spec(tmp_path), channels=1, resize=(8, 6), invert=invert, in_memory=in_memory
    )
    trained = load(spec, fetched(tmp_path)).train
    (images, _labels) = next(iter(trained.batches([torch.arange(1)])))
    how = Preprocessing(channels=1, resize=(8, 6), invert=invert)
    found = pixels(open_image(str(tmp_path / "bag" / "0.png")), (1, 8, 6), how)
    assert np.array_equal(found, images[0].numpy())


def test_transparency_ends_as_black_also_where_all_is_inverted(tmp_path: Path) -> None:
    """A dark thing on nothing, as shops have it, becomes a light thing on black."""
    Image.fromarray(np.array([[[0, 0, 0, 0], [40, 40, 40, 255]]], np.uint8)).save(
        tmp_path / "a.png"
    )
    for invert, expected in ((False, [0, 40]), (True, [0, 215])):
        how = Preprocessing(invert=invert)
        found = pixels(open_image(str(tmp_path / "a.png")), (1, 1, 2), how)
        assert found.tolist() == [[expected]]


@pytest.mark.parametrize(
    ("shape", "resize", "found"),
    [
        ((-1, -1, -1), None, (3, 10, 12)),
        ((3, -1, -1), (5, 4), (3, 5, 4)),
        ((1, -1, 6), None, (1, 10, 6)),
        ((3, 20, 20), None, (3, 20, 20)),
    ],
)
def test_what_the_model_leaves_open_is_the_preprocessings_or_the_pictures_own(
    tmp_path: Path,
    shape: tuple[int, int, int],
    resize: tuple[int, int] | None,
    found: tuple[int, ...],
) -> None:
    """What it fixes is fixed."""
    path = save(noise(10, 12, 3), tmp_path / "a.png")
    assert pixels(open_image(str(path)), shape, Preprocessing(resize=resize)).shape == found


@pytest.mark.parametrize("export", ["float32_pixels", "uint8_pixels"])
def test_the_manifests_record_is_read_back(export: str) -> None:
    """After its trip through JSON; what the model does itself is left out."""
    made = recipe(
        "model=fashion_resnet18",
        f"export={export}",
        "dataset.invert=true",
        "dataset.normalize.mean=[0.5]",
        "dataset.normalize.std=[0.25]",
    )
    told = json.loads(json.dumps(preprocessing_record(made)))
    assert made.dataset is not None
    inside = export == "uint8_pixels"
    assert preprocessing(told, where="m/1") == Preprocessing(
        resize=made.dataset.resize,
        channels=made.dataset.channels,
        invert=True,
        scale=not inside,
        normalize=None if inside else NormalizeSpec(mean=(0.5,), std=(0.25,)),
    )


def test_a_manifest_of_before_inversion_inverts_nothing() -> None:
    """Versions that are published go on working."""
    told = preprocessing_record(recipe("model=fashion_cnn"))
    assert told is not None
    del told["invert"]
    assert preprocessing(told, where="m/1") == Preprocessing()
    assert preprocessing(None, where="m/1") is None


@pytest.mark.parametrize(
    "change",
    [{"layout": "height, width, channels"}, {"scale": "uint8"}, {"resize": [3]},
     {"normalize": {"mean": [1], "std": [0]}}, {"inside_model": None}],
)  # fmt: skip
def test_another_preprocessing_is_not_guessed_at(change: dict[str, object]) -> None:
    """A wrong picture gets a wrong answer, and nobody would see it."""
    told = {**(preprocessing_record(recipe("model=fashion_cnn")) or {}), **change}
    with pytest.raises(SpecError, match="cannot be read") as caught:
        preprocessing(told, where="fashion_cnn/1")
    assert caught.value.where == "fashion_cnn/1"
