"""Images that stay on disk: the same as in memory, in flat memory, and threads that end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from packager.datasets import image_reading
from packager.datasets.image_files import ImageFiles
from packager.datasets.load import Dataset, load
from packager.datasets.prefetch import AHEAD, in_threads
from packager.datasets.samples import first, in_order
from packager.errors import SpecError, UnavailableError

from .images import fetched, images_spec, in_memory, noise, repeat, save

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

EPOCH = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from packager.datasets.load import load
from packager.datasets.samples import in_order
from tests.datasets.images import fetched, images_spec
root = Path(sys.argv[1])
spec = replace(images_spec(root), in_memory=False, workers=2)
def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
few = replace(spec, max_train_samples=64, max_test_samples=1)
for images, labels in in_order(load(few, fetched(root)).train, 8):
    pass
before = peak_bytes()
seen = 0
for images, labels in in_order(load(spec, fetched(root)).train, 8):
    seen += images.numel()
print(before, peak_bytes(), seen)
"""

FOREVER = """
import sys, itertools, torch
from dataclasses import replace
from pathlib import Path
from packager.datasets.load import load
from tests.datasets.images import fetched, images_spec
root = Path(sys.argv[1])
files = load(replace(images_spec(root), in_memory=False), fetched(root)).train
for images, labels in files.batches(torch.arange(8) for _ in itertools.count()):
    print("batch", flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty images, RGB and grey, of two classes and several sizes."""
    for index in range(20):
        save(noise(20 + index, 30, 3, seed=index), tmp_path / "a" / f"{index:02}.png")
        save(noise(24, 20 + index, seed=index), tmp_path / "b" / f"{index:02}.png")
    return tmp_path


def _on_disk(
    root: Path, *, size: tuple[int, int] = (24, 24), workers: int | None = None
) -> Dataset:
    spec = replace(images_spec(root), in_memory=False, resize=size, workers=workers)
    return load(spec, fetched(root))


@pytest.mark.parametrize("workers", [1, 3, None])
def test_files_give_what_memory_gives(folder: Path, workers: int | None) -> None:
    """Bit for bit, resized or not, in any order and however many threads decode."""
    spec = replace(images_spec(folder), resize=(24, 24))
    whole = load(replace(spec, in_memory=True), fetched(folder))
    files = _on_disk(folder, workers=workers)
    assert isinstance(files.train, ImageFiles)
    for ours, own in ((files.train, whole.train), (files.test, whole.test)):
        assert ours.shape == own.shape
        assert torch.equal(ours.labels, own.labels)
        order = torch.randperm(len(own.labels), generator=torch.Generator().manual_seed(0))
        orders = list(torch.split(order, 20))
        for (images, labels), (expected, numbers) in zip(
            ours.batches(orders), own.batches(orders), strict=True
        ):
            assert torch.equal(images, expected)
            assert torch.equal(labels, numbers)


def test_a_part_is_those_images_in_that_order(folder: Path) -> None:
    """Also of a part."""
    train = _on_disk(folder).train
    part = train.part(torch.arange(0, 20)).part(torch.tensor([5, 2]))
    whole = first(train, 20)
    got = first(part, 9)
    assert torch.equal(got.images, whole.images[[5, 2]])
    assert torch.equal(got.labels, whole.labels[[5, 2]])


def test_files_can_be_given_from_a_device(folder: Path) -> None:
    """Labels and images are both there."""
    samples = _on_disk(folder).train.to(torch.device("cpu"))
    images, labels = next(iter(in_order(samples, 4)))
    assert (images.device, labels.device) == (torch.device("cpu"),) * 2


def test_the_digest_depends_on_names_contents_labels_size_and_channels(folder: Path) -> None:
    """Twice the same, twice the same digest; anything else, another."""
    digest = _on_disk(folder).digest
    assert _on_disk(folder, workers=1).digest == digest
    assert _on_disk(folder, size=(24, 25)).digest != digest
    spec = replace(images_spec(folder, "b", "a"), in_memory=False, resize=(24, 24))
    assert load(spec, fetched(folder)).digest != digest
    (folder / "a" / "00.png").rename(folder / "a" / "00-.png")
    renamed = _on_disk(folder).digest
    assert renamed != digest
    save(noise(20, 30, 3, seed=99), folder / "a" / "00-.png")
    assert _on_disk(folder).digest not in {digest, renamed}


@pytest.mark.parametrize("free_bytes", [0, 100 * 3 * 24 * 24 * 2])
def test_images_stay_on_disk_unless_half_of_the_free_memory_holds_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int
) -> None:
    """Forty images are fewer than the hundred that half of the free bytes hold."""
    monkeypatch.setattr(image_reading, "available_bytes", lambda: free_bytes)
    data = load(replace(images_spec(folder), resize=(24, 24)), fetched(folder))
    assert isinstance(data.train, ImageFiles) is (free_bytes == 0)


def test_a_setting_beats_the_estimate(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`in_memory: true` is the user's to answer for."""
    monkeypatch.setattr(image_reading, "available_bytes", lambda: 0)
    spec = replace(images_spec(folder), resize=(24, 24), in_memory=True)
    assert in_memory(load(spec, fetched(folder)).train).images.shape == (32, 3, 24, 24)


def test_memory_stays_flat_over_an_epoch(tmp_path: Path) -> None:
    """320 images of 512 x 512 RGB are 252 MB decoded; the peak grows by less than 60 MB."""
    for index in range(4):
        repeat(save(noise(512, 512, 3, seed=index), tmp_path / f"c{index}" / "x.jpg"), 99)
    done = subprocess.run(
        [sys.executable, "-c", EPOCH, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    before, after, seen = map(int, done.stdout.split())
    assert seen == 320 * 512 * 512 * 3
    assert after - before < 60e6


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "packager-images" in thread.name]


def test_threads_end_with_the_last_batch_or_with_the_reader(folder: Path) -> None:
    """A reader that stops early leaves none behind."""
    train = _on_disk(folder).train
    batches = train.batches(torch.split(torch.arange(32), 4))
    next(batches)
    assert _threads()
    del batches
    assert not _threads()
    assert sum(len(labels) for _images, labels in in_order(train, 4)) == 32
    assert not _threads()


def test_work_is_done_only_so_far_ahead() -> None:
    """A slow reader does not let results pile up."""
    done: list[int] = []

    def work(item: int) -> int:
        done.append(item)
        return item

    def groups() -> Iterator[list[int]]:
        for item in range(100):
            yield [item]

    results = in_threads(work, groups(), workers=4)
    assert next(results) == [0]
    time.sleep(0.1)
    assert len(done) <= AHEAD + 1
    assert [one for (one,) in results] == list(range(1, 100))


def test_a_file_that_is_gone_is_named_and_threads_end(folder: Path) -> None:
    """It was there when the data were checked; somebody took it away."""
    train = _on_disk(folder).train
    (folder / "a" / "07.png").unlink()
    with pytest.raises(UnavailableError, match="is not what it was") as caught:
        list(in_order(train, 4))
    assert caught.value.where == str(folder / "a" / "07.png")
    assert not _threads()


def test_a_file_of_another_size_now_is_named(tmp_path: Path) -> None:
    """Where images keep their own size."""
    for index in range(5):
        save(noise(4, 4), tmp_path / "a" / f"{index}.png")
    data = load(replace(images_spec(tmp_path), in_memory=False), fetched(tmp_path))
    save(noise(1, 4), tmp_path / "a" / "0.png")
    with pytest.raises(UnavailableError, match="1 x 4 pixels"):
        list(in_order(data.train, 4))


def test_a_damaged_file_is_found_before_training(folder: Path) -> None:
    """The first pass decodes every image; its threads end with the error."""
    path = folder / "b" / "19.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(SpecError) as caught:
        _on_disk(folder)
    assert caught.value.where == str(path)
    assert not _threads()


def test_an_interrupt_ends_the_process_at_once(folder: Path) -> None:
    """Threads that decode do not hold it up."""
    for path in [*folder.rglob("*.png")]:
        save(noise(24, 24, 3), path)
    with subprocess.Popen(
        [sys.executable, "-c", FOREVER, str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "batch\n"
        child.send_signal(signal.SIGINT)
        start_s = time.monotonic()
        child.stdout.read()
        assert child.stderr.read().splitlines()[-1] == "KeyboardInterrupt"
        child.wait(10)
    assert time.monotonic() - start_s < 5
