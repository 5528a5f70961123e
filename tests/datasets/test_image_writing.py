"""A dataset as image files: what is written where, what is left alone, what is repaired."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from packager.datasets import image_writing
from packager.datasets.image_layout import choose, lists
from packager.datasets.image_writing import Written, make_folder, write_images
from packager.datasets.load import Dataset, load
from packager.datasets.samples import Split
from packager.errors import SpecError, UnavailableError
from packager.spec.job import ImageFormat, ImagesTask, Layout, Part
from tests.repository.mounts import needs_mount, read_only, tmpfs

from .images import fetched, images_spec, in_memory, noise
from .specs import DEBIAN, dataset

if TYPE_CHECKING:
    from pathlib import Path

    from packager.datasets.at_hand import Fetched

CLOTHES = (
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
SAFE = tuple(name.replace("/", "_").replace(" ", "_") for name in CLOTHES)


@pytest.fixture(scope="module")
def clothes(fashion: Fetched) -> Dataset:
    """Real images, 600 to train on and 100 to test on."""
    spec = replace(dataset(DEBIAN), max_train_samples=600, max_test_samples=100)
    return load(replace(spec, classes=CLOTHES), fashion)


def _write(data: Dataset, folder: Path, task: ImagesTask) -> Written:
    make_folder(folder)
    chosen = choose(data, "clothes", task)
    found = write_images(chosen.values(), folder, form=task.format, workers=task.workers)
    for name, text in lists(data.classes, chosen, task.layout).items():
        (folder / name).write_text(text)
    return found


def _counts(written: Written) -> tuple[int, int, int]:
    return written.written, written.replaced, written.there


def _made(channels: int, size: int = 4) -> Dataset:
    """Ten images of two classes, of which the first is nobody's idea of a file name."""
    images = torch.from_numpy(noise(10, channels, size, size))
    split = Split(images=images, labels=torch.arange(10) % 2)
    return Dataset(train=split, test=split, classes=("..", "b"), source="", subset=False, digest="")


def test_png_folders_come_back_as_the_same_dataset(clothes: Dataset, tmp_path: Path) -> None:
    """Images to files to an image folder: the same bytes, splits and classes."""
    _write(clothes, tmp_path, ImagesTask(layout=Layout.folders))
    data = load(images_spec(tmp_path, *SAFE), fetched(tmp_path))
    assert data.classes == SAFE
    for ours, own in ((data.train, clothes.train), (data.test, clothes.test)):
        assert len(ours.labels) == len(own.labels)
        assert _sorted(in_memory(ours)) == _sorted(in_memory(own))


def _sorted(split: Split) -> list[tuple[int, bytes]]:
    pairs = zip(split.labels.tolist(), split.images.numpy(), strict=True)
    return sorted((label, image.tobytes()) for label, image in pairs)


@pytest.mark.parametrize("form", ImageFormat)
def test_a_flat_folder_lists_every_image(
    clothes: Dataset, tmp_path: Path, form: ImageFormat
) -> None:
    """Both lists name each file once, in the data's order, with its label; names are safe."""
    _write(clothes, tmp_path, ImagesTask(format=form))
    listed = 0
    for part, split in ((Part.train, clothes.train), (Part.test, clothes.test)):
        lines = (tmp_path / f"{part.value}.txt").read_text().splitlines()
        assert len(lines) == len(split.labels)
        images = in_memory(split).images.numpy()
        for line, image, label in zip(lines, images, split.labels.tolist(), strict=True):
            path, number = line.split(" ")
            assert path == f"{SAFE[label]}_{listed}.{form.value}"
            assert int(number) == label
            pixels = np.asarray(Image.open(tmp_path / path)).astype(int)
            assert np.abs(pixels - image[0]).max() <= (0 if form is ImageFormat.png else 60)
            listed += 1
    assert (tmp_path / "labels.txt").read_text().splitlines() == list(CLOTHES)
    assert len(list(tmp_path.iterdir())) == 703


def test_one_split_needs_no_folder_of_its_own(clothes: Dataset, tmp_path: Path) -> None:
    """The issue's form: class, then dataset, split, index and label."""
    _write(clothes, tmp_path, ImagesTask(layout=Layout.folders, split=Part.test))
    label = int(clothes.test.labels[7])
    assert (tmp_path / SAFE[label] / f"clothes_test_7_{label}.png").is_file()
    assert len(list(tmp_path.rglob("*.png"))) == 100
    assert not (tmp_path / "train.txt").exists()


def test_a_second_run_leaves_everything_as_it_is(clothes: Dataset, tmp_path: Path) -> None:
    """Not one file is touched; another format, or more images, add to them."""
    task = ImagesTask(limit=50)
    assert _counts(_write(clothes, tmp_path, task)) == (100, 0, 0)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.png")}
    assert _counts(_write(clothes, tmp_path, task)) == (0, 0, 100)
    assert _counts(_write(clothes, tmp_path, replace(task, limit=100))) == (100, 0, 100)
    assert _counts(_write(clothes, tmp_path, replace(task, format=ImageFormat.jpg)))[0] == 100
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_limit_takes_every_class_alike(clothes: Dataset) -> None:
    """Also where the data are sorted by class; one larger than the data takes all of them."""
    for part, one in choose(clothes, "clothes", ImagesTask(limit=20)).items():
        assert len(one.paths) == 20, part
        assert set(one.labels.tolist()) == set(range(10)), part
    whole = choose(clothes, "clothes", ImagesTask(limit=601))
    assert [len(one.paths) for one in whole.values()] == [600, 100]


def test_one_worker_writes_what_many_write(clothes: Dataset, tmp_path: Path) -> None:
    """File by file."""
    for workers in (1, 5):
        _write(clothes, tmp_path / str(workers), ImagesTask(workers=workers))
    one, many = (
        {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}
        for folder in ("1", "5")
    )
    assert one == many


@pytest.mark.parametrize("form", ImageFormat)
def test_what_is_not_the_image_is_written_anew(tmp_path: Path, form: ImageFormat) -> None:
    """Cut short, empty, another image, a pipe; a link goes, and what it points to stays."""
    data, task = _made(1), ImagesTask(format=form, split=Part.train)
    _write(data, tmp_path / "whole", task)
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    first, second, third, fourth, fifth, *_rest = sorted(
        path for path in (tmp_path / "whole").iterdir() if path.suffix != ".txt"
    )
    mine = tmp_path / "mine"
    mine.write_text("precious")
    first.write_bytes(first.read_bytes()[:-1])
    second.write_bytes(b"")
    third.write_bytes(whole[fourth.name])
    for path in (fourth, fifth):
        path.unlink()
    fourth.symlink_to(mine)
    os.mkfifo(fifth)
    assert _counts(_write(data, tmp_path / "whole", task)) == (5, 5, 5)
    assert {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()} == whole
    assert mine.read_text() == "precious"
    assert not fourth.is_symlink()


def test_names_of_classes_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    """A class called `..` is a folder like any other."""
    folder = tmp_path / "in"
    _write(_made(3), folder, ImagesTask(layout=Layout.folders))
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert sorted(path.name for path in (folder / "train").iterdir()) == ["b", "class"]


def test_images_that_stay_on_disk_are_written_as_those_in_memory(
    clothes: Dataset, tmp_path: Path
) -> None:
    """Read, decoded and written a part at a time."""
    source = tmp_path / "source"
    _write(clothes, source, ImagesTask(layout=Layout.folders, limit=20))
    spec = images_spec(source, *SAFE)
    for kept in (True, False):
        data = load(replace(spec, in_memory=kept), fetched(source))
        _write(data, tmp_path / str(kept), ImagesTask())
    one, other = (
        {path.name: path.read_bytes() for path in (tmp_path / str(kept)).iterdir()}
        for kept in (True, False)
    )
    assert one == other


def test_two_channels_are_no_image_file(tmp_path: Path) -> None:
    """Neither grey nor RGB."""
    with pytest.raises(SpecError, match=r"dataset\.channels: the images have 2 channels"):
        _write(_made(2), tmp_path, ImagesTask())


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    """Before any data are read; so is a link to nowhere."""
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "at all")
    for place in ("file", "file/below", "link"):
        with pytest.raises(UnavailableError, match=r"cannot be written: .*task\.to=DIR"):
            make_folder(tmp_path / place)


@needs_mount
def test_a_folder_that_is_read_only_is_told(tmp_path: Path) -> None:
    """Before any data are read."""
    with (
        read_only(tmp_path) as folder,
        pytest.raises(UnavailableError, match="Read-only file system"),
    ):
        make_folder(folder)


def test_a_folder_in_place_of_an_image_is_told(tmp_path: Path) -> None:
    """It is not removed."""
    task = ImagesTask()
    _write(_made(1), tmp_path, task)
    (tmp_path / "b_1.png").unlink()
    (tmp_path / "b_1.png").mkdir()
    with pytest.raises(UnavailableError, match=r"b_1\.png: cannot be written"):
        _write(_made(1), tmp_path, task)
    assert (tmp_path / "b_1.png").is_dir()


@needs_mount
def test_a_full_disk_leaves_whole_files_only(tmp_path: Path) -> None:
    """A later run with room goes on from there."""
    data = _made(3, size=100)
    with tmpfs(tmp_path, "size=200k") as disk:
        with pytest.raises(UnavailableError, match="No space left on device"):
            _write(data, disk, ImagesTask())
        left = list(disk.glob("*.png"))
        assert left
        for path in left:
            Image.open(path).load()


def test_an_interrupt_leaves_whole_files_only(
    clothes: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stops between two groups, and what threads had begun is finished."""
    monkeypatch.setattr(image_writing, "MOST_A_GROUP", 64)

    def interrupt(done: int, _total: int) -> None:
        if done >= 128:
            raise KeyboardInterrupt

    chosen = choose(clothes, "clothes", ImagesTask()).values()
    with pytest.raises(KeyboardInterrupt):
        write_images(chosen, tmp_path, form=ImageFormat.png, progress=interrupt)
    left = list(tmp_path.iterdir())
    assert 128 <= len(left) < 700
    for path in left:
        Image.open(path).load()
