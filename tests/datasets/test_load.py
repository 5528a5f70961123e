"""From real files to tensors: counts, balance, cuts, sizes, and data that do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torchvision.transforms import ToTensor
from torchvision.transforms.functional import to_pil_image

from packager.datasets.at_hand import Fetched
from packager.datasets.load import load
from packager.datasets.transforms import resize, to_float
from packager.errors import SpecError
from packager.spec.dataset import DataFormat, DatasetSpec

from .images import in_memory
from .specs import DEBIAN, MNIST_5K, dataset

if TYPE_CHECKING:
    from pathlib import Path

FASHION = dataset(DEBIAN)
MNIST = dataset(MNIST_5K, name="mnist")


def _small(folder: Path, spec: DatasetSpec, rows: str) -> Fetched:
    """Make a fetched CSV of 1 x 1 images."""
    path = folder / "samples.csv"
    path.write_text(rows)
    return Fetched(files={"samples": path}, source=spec.sources[0])


def test_fashion_mnist_is_whole_and_balanced(fashion: Fetched) -> None:
    """60,000 and 10,000 images, one channel, every class as often."""
    data = load(FASHION, fashion)
    assert in_memory(data.train).images.shape == (60000, 1, 28, 28)
    assert in_memory(data.test).images.shape == (10000, 1, 28, 28)
    assert (in_memory(data.train).images.dtype, data.train.labels.dtype) == (
        torch.uint8,
        torch.int64,
    )
    assert data.train.labels.bincount().tolist() == [6000] * 10
    assert data.test.labels.bincount().tolist() == [1000] * 10
    assert data.source == "debian dataset-fashion-mnist"
    assert not data.subset


def test_inverted_arrays_are_255_less_what_they_were(mnist_5k: Fetched) -> None:
    """In both splits, before they are scaled; labels and the data's digest tell them apart."""
    spec = replace(MNIST, resize=(14, 14), max_train_samples=50, max_test_samples=50)
    plain, inverted = (load(replace(spec, invert=one), mnist_5k) for one in (False, True))
    own = load(replace(spec, resize=None), mnist_5k)
    for name in ("train", "test"):
        found = in_memory(getattr(inverted, name)).images
        assert torch.equal(found, resize(255 - in_memory(getattr(own, name)).images, (14, 14)))
    assert torch.equal(plain.test.labels, inverted.test.labels)
    assert plain.digest != inverted.digest


def test_mnist_5k_holds_out_every_fifth_image_of_each_class(mnist_5k: Fetched) -> None:
    """4,000 to train on and 1,000 to test on, balanced, and none in both."""
    data = load(MNIST, mnist_5k)
    assert data.train.labels.bincount().tolist() == [400] * 10
    assert data.test.labels.bincount().tolist() == [100] * 10
    seen = {bytes(image.flatten().tolist()) for image in in_memory(data.train).images}
    assert not any(bytes(image.flatten().tolist()) in seen for image in in_memory(data.test).images)
    assert data.subset


def test_the_held_out_images_are_the_fifth_tenth_and_so_on(tmp_path: Path) -> None:
    """Counted within each class, in the file's order, however classes are mixed."""
    spec = replace(MNIST, classes=("even", "odd"))
    fetched = _small(tmp_path, spec, "\n".join(f"{row},{row % 2}" for row in range(20)))
    assert in_memory(load(spec, fetched).test).images.flatten().tolist() == [8, 9, 18, 19]


def test_a_cut_takes_evenly_spaced_images(mnist_5k: Fetched) -> None:
    """Data sorted by class stay balanced, and the dataset says it is a subset."""
    data = load(replace(MNIST, max_train_samples=100, max_test_samples=20), mnist_5k)
    assert data.train.labels.bincount().tolist() == [10] * 10
    assert data.test.labels.bincount().tolist() == [2] * 10


@pytest.mark.parametrize(("limit", "subset"), [(9999, True), (10000, False), (20000, False)])
def test_a_limit_makes_a_subset_only_if_it_cuts(fashion: Fetched, limit: int, subset: bool) -> None:
    """A limit of all images, or more, leaves the dataset whole."""
    data = load(replace(FASHION, max_test_samples=limit), fashion)
    assert data.subset is subset
    assert len(data.test.labels) == min(limit, 10000)


def test_the_digest_depends_on_the_tensors_alone(mnist_5k: Fetched) -> None:
    """Twice the same data, twice the same digest; one image fewer, another."""
    digest = load(MNIST, mnist_5k).digest
    assert load(replace(MNIST, name="other"), mnist_5k).digest == digest
    assert load(replace(MNIST, max_test_samples=999), mnist_5k).digest != digest


def test_resize_gives_the_size_asked_for(mnist_5k: Fetched) -> None:
    """Height and width, both splits, still bytes."""
    data = load(replace(MNIST, resize=(32, 40), max_train_samples=100), mnist_5k)
    assert in_memory(data.train).images.shape == (100, 1, 32, 40)
    assert in_memory(data.test).images.shape == (1000, 1, 32, 40)
    assert in_memory(data.test).images.dtype == torch.uint8


def test_resize_to_the_own_size_changes_nothing(mnist_5k: Fetched) -> None:
    """The very tensor comes back."""
    images = in_memory(load(MNIST, mnist_5k).test).images
    assert resize(images, (28, 28)) is images


def test_to_float_is_to_tensor_bit_for_bit(fashion: Fetched) -> None:
    """On real images, by way of PIL as a service would do it, and on every byte value."""
    images = in_memory(load(FASHION, fashion).test).images[:500]
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    for batch in (images, every):
        expected = torch.stack([ToTensor()(to_pil_image(image)) for image in batch])
        assert torch.equal(to_float(batch), expected)
        assert to_float(batch).dtype == torch.float32


@pytest.mark.parametrize(
    ("spec", "key"),
    [
        (replace(MNIST, max_train_samples=10), "dataset.max_train_samples"),
        (replace(MNIST, max_test_samples=10), "dataset.max_test_samples"),
    ],
)
def test_a_cut_contradicts_a_forbidden_subset(
    mnist_5k: Fetched, spec: DatasetSpec, key: str
) -> None:
    """The error names the key that asks for the cut."""
    with pytest.raises(SpecError) as caught:
        load(replace(spec, allow_subset=False), mnist_5k)
    assert caught.value.where == key


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("5,0\n6,2\n", "labels go from 0 to 2; 2 classes are listed"),
        ("5,-1\n6,0\n", "labels go from -1 to 0"),
        ("5,0\n" * 10, "no training image shows odd"),
        ("5,0\n6,1\n" * 4, "no class has 5 images"),
    ],
)
def test_data_that_do_not_fit_the_classes_are_refused(
    tmp_path: Path, rows: str, problem: str
) -> None:
    """Labels out of range, classes without images, too few to hold out."""
    spec = replace(MNIST, classes=("even", "odd"))
    with pytest.raises(SpecError, match=problem):
        load(spec, _small(tmp_path, spec, rows))


def test_a_cut_that_loses_a_class_is_refused(mnist_5k: Fetched) -> None:
    """Five images cannot show ten classes."""
    with pytest.raises(SpecError, match=r"no training image shows .*raise dataset"):
        load(replace(MNIST, max_train_samples=5), mnist_5k)


def test_unequal_counts_are_refused(fashion: Fetched) -> None:
    """Test labels do not go with training images."""
    files = {**fashion.files, "train_labels": fashion.files["test_labels"]}
    with pytest.raises(SpecError, match="60000 images and 10000 labels"):
        load(FASHION, replace(fashion, files=files))


def test_images_and_labels_exchanged_are_refused(fashion: Fetched) -> None:
    """Their dimensions give them away."""
    files = {**fashion.files, "test_images": fashion.files["test_labels"]}
    with pytest.raises(SpecError, match=r"expected \[N, H, W\]"):
        load(FASHION, replace(fashion, files=files))


def test_a_format_whose_roles_are_missing_is_refused(mnist_5k: Fetched) -> None:
    """A CSV source declared as IDX has no training images."""
    source = replace(mnist_5k.source, format=DataFormat.idx)
    with pytest.raises(SpecError, match="no file has the role train_images; there are samples"):
        load(MNIST, replace(mnist_5k, source=source))


def test_a_whole_dataset_stays_whole_when_resized(fashion: Fetched) -> None:
    """Only fewer images make a subset."""
    spec = replace(dataset(DEBIAN), resize=(14, 14), allow_subset=False)
    assert not load(spec, fashion).subset
