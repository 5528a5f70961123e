"""A folder of images with a folder a class: layouts, classes, and what is wrong with it."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from packager.datasets.fetch import fetch
from packager.datasets.image_folder import list_folder
from packager.datasets.load import Dataset, load
from packager.datasets.pictures import Files
from packager.errors import SpecError, UnavailableError
from packager.spec.dataset import DatasetSpec, NormalizeSpec

from .images import fetched, images_spec, in_memory, noise, save, write_split
from .specs import CLASSES, DEBIAN, dataset

if TYPE_CHECKING:
    from pathlib import Path

    from packager.datasets.at_hand import Fetched


def _loaded(root: Path, *classes: str) -> Dataset:
    return load(images_spec(root, *classes), fetched(root))


def _fill(folder: Path, *names: str, count: int = 5, shape: tuple[int, ...] = (4, 6)) -> None:
    """Write that many images of each class."""
    for name in names:
        for index in range(count):
            save(noise(*shape, seed=index), folder / name / f"{index}.png")


@pytest.fixture(scope="module")
def fashion_part(fashion: Fetched) -> Dataset:
    """Real images, 600 to train on and 100 to test on."""
    spec = replace(dataset(DEBIAN), max_train_samples=600, max_test_samples=100)
    return load(spec, fashion)


def test_real_images_come_back_from_files(fashion_part: Dataset, tmp_path: Path) -> None:
    """Fashion-MNIST written as PNG files is what it was, sorted by class."""
    write_split(in_memory(fashion_part.train), tmp_path / "train", CLASSES)
    write_split(in_memory(fashion_part.test), tmp_path / "test", CLASSES)
    data = _loaded(tmp_path)
    assert data.classes == CLASSES
    assert (data.subset, data.skipped) == (False, 0)
    pairs = ((data.train, fashion_part.train), (data.test, fashion_part.test))
    for ours, own in ((in_memory(one), in_memory(other)) for one, other in pairs):
        order = torch.argsort(own.labels, stable=True)
        assert torch.equal(ours.labels, own.labels[order])
        assert torch.equal(ours.images, own.images[order])


def test_without_a_test_folder_every_fifth_of_a_class_is_held_out(tmp_path: Path) -> None:
    """By sorted name, in each class on its own."""
    _fill(tmp_path, "a", "b", count=9)
    found = list_folder(tmp_path)
    assert isinstance(found.train.pictures, Files)
    assert isinstance(found.test.pictures, Files)
    assert found.classes == ("a", "b")
    assert found.test.pictures.paths == ("a/4.png", "b/4.png")
    assert found.train.pictures.paths[:5] == ("a/0.png", "a/1.png", "a/2.png", "a/3.png", "a/5.png")


@pytest.mark.parametrize("name", ["test", "val", "valid"])
def test_a_test_folder_may_be_called_validation(tmp_path: Path, name: str) -> None:
    """Where there is no test folder."""
    _fill(tmp_path / "train", "a", "b")
    _fill(tmp_path / name, "a", "b", count=2)
    data = _loaded(tmp_path)
    assert (len(data.train.labels), len(data.test.labels)) == (10, 4)


def test_test_goes_before_validation(tmp_path: Path) -> None:
    """What is called test is the test set."""
    for name, count in (("train", 5), ("val", 2), ("test", 3)):
        _fill(tmp_path / name, "a", count=count)
    assert len(_loaded(tmp_path).test.labels) == 3


def test_train_alone_is_split(tmp_path: Path) -> None:
    """As a folder without splits is."""
    _fill(tmp_path / "train", "a", "b")
    assert len(_loaded(tmp_path).test.labels) == 2


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    """A folder with images in it is a class, not a split."""
    _fill(tmp_path, "plane", "train")
    assert _loaded(tmp_path).classes == ("plane", "train")


def test_hidden_folders_and_other_files_are_passed_over(tmp_path: Path) -> None:
    """What file managers and notebooks leave behind is no class and no image."""
    _fill(tmp_path, "a", ".ipynb_checkpoints")
    (tmp_path / "a" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "a" / ".hidden.png").write_bytes(b"x")
    (tmp_path / "readme.txt").write_text("x")
    data = _loaded(tmp_path)
    assert data.classes == ("a",)
    assert len(data.train.labels) + len(data.test.labels) == 5


@pytest.mark.parametrize("suffix", ["PNG", "JPG", "Jpeg", "bmp", "gif", "webp", "tif", "TIFF"])
def test_a_suffix_counts_in_any_case(tmp_path: Path, suffix: str) -> None:
    """Cameras write them in capitals."""
    for index in range(5):
        save(noise(4, 4), tmp_path / "a" / f"{index}.{suffix}")
    assert _loaded(tmp_path).train.shape[1:] == (4, 4)


def test_images_need_not_be_square_nor_grey(tmp_path: Path) -> None:
    """[C, H, W] as the files are."""
    _fill(tmp_path, "a", shape=(4, 6, 3))
    assert _loaded(tmp_path).train.shape == (3, 4, 6)


def test_one_rgb_image_makes_all_rgb(tmp_path: Path) -> None:
    """Grey ones get three equal channels, those already read and the test images too."""
    _fill(tmp_path / "train", "a")
    _fill(tmp_path / "test", "a", count=1)
    colour = noise(4, 6, 3)
    save(colour, tmp_path / "train" / "a" / "3.png")
    data = _loaded(tmp_path)
    train, test = in_memory(data.train).images, in_memory(data.test).images
    assert np.array_equal(train[3].numpy(), colour.transpose(2, 0, 1))
    for images in (train[[0, 4]], test):
        assert images.shape[1] == 3
        assert torch.equal(images, images[:, :1].expand(-1, 3, -1, -1))


def test_a_colour_in_the_test_images_makes_all_rgb(tmp_path: Path) -> None:
    """Training images, read before, follow."""
    _fill(tmp_path / "train", "a")
    _fill(tmp_path / "test", "a", count=1, shape=(4, 6, 3))
    assert _loaded(tmp_path).train.shape == (3, 4, 6)


def test_channels_may_be_chosen(tmp_path: Path) -> None:
    """RGB files as grey images."""
    _fill(tmp_path, "a", shape=(4, 6, 3))
    assert load(replace(images_spec(tmp_path), channels=1), fetched(tmp_path)).train.shape == (
        1,
        4,
        6,
    )


def test_two_sizes_are_refused(tmp_path: Path) -> None:
    """Both files and sizes are named, and what would help."""
    _fill(tmp_path, "a")
    odd = save(noise(5, 6), tmp_path / "a" / "3.png")
    with pytest.raises(SpecError, match=r"is 5 x 6 pixels .*0\.png is 4 x 6") as caught:
        _loaded(tmp_path)
    assert caught.value.where == str(odd)
    assert "dataset.resize=[4,6]" in caught.value.remedy


def test_resize_brings_all_to_one_size(tmp_path: Path) -> None:
    """Height, then width."""
    _fill(tmp_path, "a")
    save(noise(50, 60), tmp_path / "a" / "3.png")
    data = load(replace(images_spec(tmp_path), resize=(8, 10)), fetched(tmp_path))
    assert data.train.shape == (1, 8, 10)


@pytest.mark.parametrize("in_memory", [True, False])
def test_an_unreadable_image_is_named(tmp_path: Path, in_memory: bool) -> None:
    """With how to leave such images out."""
    _fill(tmp_path, "a")
    bad = tmp_path / "a" / "2.png"
    bad.write_bytes(bad.read_bytes()[:60])
    with pytest.raises(SpecError, match="cannot be read as an image") as caught:
        load(replace(images_spec(tmp_path), in_memory=in_memory), fetched(tmp_path))
    assert caught.value.where == str(bad)
    assert "dataset.skip_unreadable=true" in caught.value.remedy


@pytest.mark.parametrize("in_memory", [True, False])
def test_unreadable_images_can_be_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, in_memory: bool
) -> None:
    """They are counted and named in the log; the others keep their labels."""
    _fill(tmp_path, "a", "b")
    bad = [tmp_path / "a" / "0.png", tmp_path / "b" / "2.png"]
    for path in bad:
        path.write_bytes(b"")
    spec = replace(images_spec(tmp_path), in_memory=in_memory, skip_unreadable=True)
    with caplog.at_level(logging.WARNING):
        data = load(spec, fetched(tmp_path))
    assert data.skipped == 2
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert all(str(path) in caplog.text for path in bad)


def test_a_class_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    """Leaving out images must not leave out a class."""
    _fill(tmp_path, "a", "b")
    for path in (tmp_path / "b").iterdir():
        path.write_bytes(b"")
    with pytest.raises(SpecError, match="no training image shows b"):
        load(replace(images_spec(tmp_path), skip_unreadable=True), fetched(tmp_path))


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    """With its folder."""
    _fill(tmp_path, "a")
    (tmp_path / "b").mkdir()
    with pytest.raises(SpecError, match="class b has no image") as caught:
        _loaded(tmp_path)
    assert caught.value.where == str(tmp_path / "b")


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    """Images beside each other have no labels."""
    save(noise(4, 4), tmp_path / "0.png")
    with pytest.raises(SpecError, match="holds no folder of a class") as caught:
        _loaded(tmp_path)
    assert "DIR/<class>/*.png" in caught.value.remedy


def test_splits_with_different_classes_are_refused(tmp_path: Path) -> None:
    """What each has alone is named."""
    _fill(tmp_path / "train", "a", "b")
    _fill(tmp_path / "test", "a", "c")
    with pytest.raises(SpecError, match=r"train has b; only .*test has c"):
        _loaded(tmp_path)


def test_listed_classes_must_be_the_folders(tmp_path: Path) -> None:
    """Both lists are in the error."""
    _fill(tmp_path, "a", "b")
    with pytest.raises(SpecError, match="lists a, c; the data have a, b") as caught:
        _loaded(tmp_path, "a", "c")
    assert caught.value.where == "dataset.classes"


def test_listed_classes_say_the_order(tmp_path: Path) -> None:
    """The first one listed is label 0."""
    _fill(tmp_path, "a", "b")
    data = _loaded(tmp_path, "b", "a")
    assert data.classes == ("b", "a")
    assert data.train.labels.tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_too_few_to_hold_out_is_refused(tmp_path: Path) -> None:
    """Four images a class give no test image."""
    _fill(tmp_path, "a", count=4)
    with pytest.raises(SpecError, match="none can be held out"):
        _loaded(tmp_path)


def test_a_cut_only_reads_what_it_keeps(tmp_path: Path) -> None:
    """A damaged file that is cut away does no harm."""
    _fill(tmp_path, "a", count=10)
    (tmp_path / "a" / "1.png").write_bytes(b"")
    data = load(replace(images_spec(tmp_path), max_train_samples=2), fetched(tmp_path))
    assert data.subset
    assert len(data.train.labels) == 2


def test_a_number_of_means_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """The key is named, and both numbers."""
    _fill(tmp_path, "a")
    spec = replace(images_spec(tmp_path), normalize=NormalizeSpec(mean=(0.5,) * 3, std=(1,) * 3))
    with pytest.raises(SpecError, match="has 3 means and deviations; the images have 1") as caught:
        load(spec, fetched(tmp_path))
    assert caught.value.where == "dataset.normalize"


def test_progress_is_told(tmp_path: Path) -> None:
    """Up to all images of both splits."""
    _fill(tmp_path, "a")
    told: list[tuple[int, int]] = []
    load(
        images_spec(tmp_path),
        fetched(tmp_path),
        progress=lambda done, all_: told.append((done, all_)),
    )
    assert told[-1] == (5, 5)


def test_a_folder_of_images_is_used_in_place(tmp_path: Path) -> None:
    """Nothing is copied, nothing is cached; the source is shown as the user wrote it."""
    _fill(tmp_path / "mine", "a")
    spec = images_spec(tmp_path / "mine")
    found = fetch(spec, cache=tmp_path / "cache")
    assert found.files == {"root": tmp_path / "mine"}
    assert str(found.source) == f"folder {tmp_path / 'mine'}"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("is_file", [True, False])
def test_a_folder_that_is_none_is_unavailable(tmp_path: Path, is_file: bool) -> None:
    """One paragraph with what to give instead."""
    if is_file:
        (tmp_path / "mine").write_text("x")
    spec: DatasetSpec = images_spec(tmp_path / "mine")
    with pytest.raises(UnavailableError, match="expected a folder" if is_file else "no folder"):
        fetch(spec, cache=tmp_path / "cache")


def test_folders_inside_a_class_belong_to_it(tmp_path: Path) -> None:
    """However deep, as torchvision's ImageFolder has it; hidden ones do not."""
    for name in ("a/1.png", "a/more/2.png", "a/more/deep/3.png", "b/1.png", "a/.thumbs/4.png"):
        path = tmp_path / "train" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        other = tmp_path / "test" / name
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_bytes(b"x")
    found = list_folder(tmp_path).train
    assert isinstance(found.pictures, Files)
    assert list(found.pictures.paths) == [
        "train/a/1.png",
        "train/a/more/2.png",
        "train/a/more/deep/3.png",
        "train/b/1.png",
    ]
    assert found.labels.tolist() == [0, 0, 0, 1]


def test_a_link_to_nothing_is_listed(tmp_path: Path) -> None:
    """So that reading it tells of it: what is silently left out is missed late."""
    for name in ("a", "b"):
        for number in range(5):
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / f"{number}.png").symlink_to(tmp_path / "nothing")
    assert len(list_folder(tmp_path).train.labels) == 8
