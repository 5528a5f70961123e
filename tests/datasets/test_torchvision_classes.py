"""torchvision's datasets by name: real classes on local files, and what is refused."""

from __future__ import annotations

import hashlib
import pickle
import shutil
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torchvision import datasets

from packager.datasets.cache import torchvision_place as place_of
from packager.datasets.fetch import fetch
from packager.datasets.image_files import ImageFiles
from packager.datasets.load import Dataset, load
from packager.datasets.sources import torchvision_class
from packager.datasets.sources.torchvision_class import require_class
from packager.errors import SpecError, UnavailableError
from packager.spec.dataset import DataFormat, DatasetSpec, SourceKind, SourceSpec

from .images import in_memory, noise, save
from .mirror import Reply, serving
from .specs import DEBIAN, dataset

if TYPE_CHECKING:
    from packager.datasets.at_hand import Fetched

LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")


def _source(name: str, root: Path | None = None, **arguments: object) -> SourceSpec:
    return SourceSpec(
        kind=SourceKind.torchvision,
        origin=name,
        folder=str(root or ""),
        files={},
        format=DataFormat.torchvision,
        arguments=arguments,
    )


def _loaded(source: SourceSpec, **values: Any) -> Dataset:
    spec = DatasetSpec(**{"name": "x", "classes": (), "sources": (source,)} | values)
    return load(spec, fetch(spec, cache=Path("/nowhere/to/write")))


def _idx(array: np.ndarray[Any, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(head + array.astype(np.uint8).tobytes())


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Files as EMNIST letters' are: labels from 1, images mirrored on the diagonal."""
    labels = np.arange(1, 27)
    for split in ("train", "test"):
        prefix = tmp_path / "EMNIST" / "raw" / f"emnist-letters-{split}"
        _idx(noise(26, 28, 28), prefix.with_name(f"{prefix.name}-images-idx3-ubyte"))
        _idx(labels, prefix.with_name(f"{prefix.name}-labels-idx1-ubyte"))
    return tmp_path


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10's files with ten images each, and the class told their md5."""
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
             "truck"]  # fmt: skip
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    md5s = {}

    def write(name: str, content: object) -> None:
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        md5s[name] = hashlib.md5(data, usedforsecurity=False).hexdigest()

    kind = datasets.CIFAR10
    for index, (name, _md5) in enumerate(kind.train_list + kind.test_list):
        batch = {"data": noise(10, 3 * 32 * 32, seed=index), "labels": list(range(10))}
        write(name, batch)
    write("batches.meta", {"label_names": names})
    for attribute in ("train_list", "test_list"):
        files = [[name, md5s[name]] for name, _md5 in getattr(kind, attribute)]
        monkeypatch.setattr(kind, attribute, files)
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5s["batches.meta"]})
    return tmp_path


def test_the_real_fashion_mnist_is_read_by_its_class(fashion: Fetched, tmp_path: Path) -> None:
    """The same images and labels as from its files, with torchvision's names."""
    for path in fashion.files.values():
        (tmp_path / "FashionMNIST" / "raw").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "FashionMNIST" / "raw")
    data = _loaded(_source("FashionMNIST", tmp_path))
    assert data.classes == tuple(datasets.FashionMNIST.classes)
    assert data.digest == load(dataset(DEBIAN), fashion).digest
    assert data.source == f"torchvision FashionMNIST in {tmp_path}"


def test_cifar10_comes_channels_first(cifar: Path) -> None:
    """The class has [N, H, W, C]; the files [N, C, H, W], as here."""
    data = _loaded(_source("CIFAR10", cifar))
    assert (data.train.shape, len(data.train.labels)) == ((3, 32, 32), 50)
    assert data.classes[:2] == ("airplane", "automobile")
    own = torch.from_numpy(noise(10, 3, 32, 32))
    assert torch.equal(in_memory(data.train).images[:10], own)


def test_a_damaged_file_of_cifar10_is_refused_by_torchvision(cifar: Path) -> None:
    """Its md5 is checked; the advice to call Python is not passed on."""
    path = cifar / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UnavailableError, match="not found or corrupted") as caught:
        _loaded(_source("CIFAR10", cifar))
    assert caught.value.where == str(cifar)
    assert "download=True" not in str(caught.value)


def test_emnist_letters_begin_with_a_and_stand_upright(letters: Path) -> None:
    """Torchvision leaves label 0, N/A, unused and the images mirrored, as the files have them."""
    data = _loaded(_source("EMNIST", letters, split="letters"))
    assert data.classes == LETTERS
    assert data.train.labels.tolist() == list(range(26))
    own = datasets.EMNIST(str(letters), split="letters", train=True)
    assert own.classes[0] == "N/A"
    assert torch.equal(in_memory(data.train).images[:, 0], own.data.mT)


def test_classes_may_be_named_otherwise(letters: Path) -> None:
    """As many names, in torchvision's order."""
    names = tuple(name.upper() for name in LETTERS)
    assert _loaded(_source("EMNIST", letters, split="letters"), classes=names).classes == names


@pytest.mark.parametrize("classes", [LETTERS[:-1], ("b", "A", *LETTERS[2:])])
def test_classes_that_contradict_the_data_are_refused(
    letters: Path, classes: tuple[str, ...]
) -> None:
    """Too few, or a known name in another's place."""
    with pytest.raises(SpecError, match="the data have a, b, c") as caught:
        _loaded(_source("EMNIST", letters, split="letters"), classes=classes)
    assert caught.value.where == "dataset.classes"


def test_images_without_arrays_are_read_one_by_one(tmp_path: Path) -> None:
    """Imagenette keeps files of several sizes, and calls its test set val."""
    root = tmp_path / "imagenette2"
    for wnid in datasets.imagenette.Imagenette._WNID_TO_CLASS:
        for split in ("train", "val"):
            save(noise(20, 30, 3), root / split / wnid / "0.JPEG")
    source = _source("Imagenette", tmp_path)
    data = _loaded(source, resize=(16, 16))
    assert data.train.shape == (3, 16, 16)
    assert data.classes[0] == "tench, Tinca tinca"
    assert data.train.labels.tolist() == list(range(10))
    streamed = _loaded(source, resize=(16, 16), in_memory=False)
    assert isinstance(streamed.train, ImageFiles)
    (images, _labels), = streamed.train.batches([torch.arange(10)])  # fmt: skip
    assert torch.equal(images, in_memory(data.train).images)


@pytest.mark.parametrize("name", ["FakeData", "ImageFolder", "VisionDataset", "NoSuch", "os",
                                  "wrap_dataset_for_transforms_v2", "EuroSAT"])  # fmt: skip
def test_only_datasets_with_train_or_split_are_taken(name: str) -> None:
    """Nothing else of torchvision is ever reached."""
    with pytest.raises(SpecError, match="has no class") as caught:
        require_class(_source(name))
    assert caught.value.where == "dataset.torchvision"


def test_a_misspelt_class_is_recognised() -> None:
    """The remedy has the nearest names."""
    with pytest.raises(SpecError) as caught:
        require_class(_source("CIFAR_10"))
    assert "CIFAR10" in caught.value.remedy


@pytest.mark.parametrize(("name", "argument"), [("CIFAR10", "root"), ("CIFAR10", "transform"),
                                                ("SVHN", "split")])  # fmt: skip
def test_our_own_arguments_are_not_the_users(name: str, argument: str) -> None:
    """Root, split, download and transforms are set here."""
    with pytest.raises(SpecError, match=f"gives {argument}") as caught:
        require_class(replace(_source(name), arguments={argument: "x"}))
    assert caught.value.where == "dataset.arguments"


@pytest.mark.parametrize("arguments", [{"split": "nonsense"}, {}, {"split": "letters", "x": 1}])
def test_arguments_that_the_class_refuses_are_named(
    letters: Path, arguments: dict[str, object]
) -> None:
    """With what torchvision says."""
    with pytest.raises(SpecError, match="torchvision's EMNIST refuses them") as caught:
        _loaded(_source("EMNIST", letters, **arguments))
    assert caught.value.where == "dataset.arguments"


def test_a_package_that_a_class_needs_is_named(tmp_path: Path) -> None:
    """SVHN's files are MATLAB's; whether or not scipy is installed, it is not here."""
    split = datasets.SVHN.split_list["train"]
    with pytest.MonkeyPatch.context() as patch:
        empty = hashlib.md5(b"", usedforsecurity=False).hexdigest()
        patch.setitem(datasets.SVHN.split_list, "train", [*split[:2], empty])
        patch.setitem(sys.modules, "scipy", None)
        patch.setitem(sys.modules, "scipy.io", None)
        (tmp_path / split[1]).write_bytes(b"")
        with pytest.raises(UnavailableError, match="scipy") as caught:
            _loaded(_source("SVHN", tmp_path))
    assert "pip install scipy" in caught.value.remedy


def test_a_dataset_that_is_no_classification_is_refused(tmp_path: Path) -> None:
    """Pictures with boxes have no class each."""
    for name, folder in (("a.png", "image_2"), ("a.txt", "label_2")):
        (tmp_path / "Kitti" / "raw" / "training" / folder).mkdir(parents=True)
        (tmp_path / "Kitti" / "raw" / "testing" / folder).mkdir(parents=True)
        path = tmp_path / "Kitti" / "raw" / "training" / folder / name
        if name.endswith("png"):
            save(noise(4, 4, 3), path)
        else:
            path.write_text("Car 0 0 0 0 0 1 1 1 1 1 0 0 0 0\n")
    with pytest.raises(SpecError, match="expected one class, a whole number"):
        _loaded(_source("Kitti", tmp_path))


def test_offline_is_told_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is silent is given up; the remedy says what to bring."""
    spec = DatasetSpec(name="x", classes=(), sources=(_source("CIFAR10"),))
    monkeypatch.setattr(torchvision_class, "TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/cifar.tar.gz"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(datasets.CIFAR10, "url", url)
        start_s = time.monotonic()
        with pytest.raises(UnavailableError, match="torchvision cannot download it") as caught:
            fetch(spec, cache=tmp_path)
    assert time.monotonic() - start_s < 5
    assert "dataset.path=DIR holding what torchvision.datasets.CIFAR10" in caught.value.remedy
    assert "\n" not in str(caught.value)
    assert socket.getdefaulttimeout() is None
    assert [path.name for path in (tmp_path / "x").glob("*") if path.is_file()] == [".lock"]
    with pytest.raises(UnavailableError):
        fetch(spec, cache=tmp_path)


def _use(monkeypatch: pytest.MonkeyPatch, url: str, archives: dict[str, bytes]) -> None:
    """Send torchvision's own download to a mirror, and tell it the md5 of what is there."""
    md5s = [
        (name, hashlib.md5(body, usedforsecurity=False).hexdigest())
        for name, body in archives.items()
    ]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(datasets.FashionMNIST, "resources", md5s)
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [url])


def test_what_torchvision_downloads_is_kept_whole(
    fashion_archives: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its md5 is checked by torchvision; the second fetch asks nobody."""
    source = _source("FashionMNIST")
    spec = DatasetSpec(name="x", classes=(), sources=(source,))
    with serving(lambda name, _nth: Reply(body=fashion_archives[name])) as mirror:
        _use(monkeypatch, mirror.url, fashion_archives)
        found = fetch(spec, cache=tmp_path)
        asked = mirror.requests.total()
        assert fetch(spec, cache=tmp_path) == found
        assert mirror.requests.total() == asked
    assert found.files == {"root": place_of(source, tmp_path / "x")}
    assert len(load(spec, found).train.labels) == 60000


def test_a_download_that_breaks_off_leaves_nothing(
    fashion_archives: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three good files and a bad one are no dataset, now or at the next fetch."""
    source = _source("FashionMNIST")
    spec = DatasetSpec(name="x", classes=(), sources=(source,))

    def answer(name: str, _nth: int) -> Reply:
        body = fashion_archives[name]
        return Reply(body=body[:-9] if name.startswith("t10k-labels") else body)

    with serving(answer) as mirror:
        _use(monkeypatch, mirror.url, fashion_archives)
        for _attempt in range(2):
            with pytest.raises(UnavailableError, match="torchvision cannot download it"):
                fetch(spec, cache=tmp_path)
    assert not place_of(source, tmp_path / "x").exists()


def test_other_arguments_are_kept_elsewhere(tmp_path: Path) -> None:
    """EMNIST letters are not EMNIST digits."""
    places = {place_of(_source("EMNIST", split=name), tmp_path) for name in ("letters", "digits")}
    assert len(places | {place_of(_source("EMNIST"), tmp_path)}) == 3
