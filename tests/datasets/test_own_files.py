"""A user's own IDX and npz files, used where they lie."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from packager.datasets.fetch import fetch
from packager.datasets.load import Dataset, load
from packager.errors import PackagerError, SpecError, UnavailableError
from packager.spec.dataset import DataFormat, DatasetSpec, FileSpec, SourceKind, SourceSpec

from .images import in_memory, noise
from .specs import DEBIAN, FILES, dataset

if TYPE_CHECKING:
    from packager.datasets.at_hand import Fetched

NAMES = {role: FileSpec(name=file.name, sha256=None) for role, file in FILES.items()}
ARRAYS = {"arrays": FileSpec(name="arrays.npz", sha256=None)}
LABELS = np.arange(10) % 2


def _spec(path: Path, form: DataFormat, **values: Any) -> DatasetSpec:
    files = NAMES if form is DataFormat.idx else ARRAYS
    source = SourceSpec(kind=SourceKind.folder, origin=str(path), files=files, format=form)
    return DatasetSpec(**{"name": "mine", "classes": (), "sources": (source,)} | values)


def _loaded(path: Path, form: DataFormat = DataFormat.npz, **values: Any) -> Dataset:
    spec = _spec(path, form, **values)
    return load(spec, fetch(spec, cache=Path("/nowhere/to/write")))


def _saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "arrays.npz", **arrays)
    return folder


def test_own_idx_files_need_no_digest(fashion_folder: Path, fashion: Fetched) -> None:
    """They are the same data as the verified ones, classes numbered, nothing cached."""
    data = _loaded(fashion_folder, DataFormat.idx)
    assert data.classes == tuple("0123456789")
    assert data.digest == load(dataset(DEBIAN), fashion).digest
    assert data.source == f"folder {fashion_folder}"


def test_own_idx_files_may_be_compressed(fashion_folder: Path) -> None:
    """One of them beside plain ones."""
    plain = fashion_folder / NAMES["test_labels"].name
    (fashion_folder / f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    assert len(_loaded(fashion_folder, DataFormat.idx).test.labels) == 10000


def test_a_damaged_gz_is_named(fashion_folder: Path) -> None:
    """With its place."""
    plain = fashion_folder / NAMES["test_labels"].name
    broken = fashion_folder / f"{plain.name}.gz"
    broken.write_bytes(gzip.compress(plain.read_bytes())[:-9])
    plain.unlink()
    with pytest.raises(SpecError, match="does not decompress") as caught:
        _loaded(fashion_folder, DataFormat.idx)
    assert caught.value.where == str(broken)


def test_a_training_pair_alone_is_split(fashion_folder: Path) -> None:
    """Every fifth image of each class is for testing."""
    for role in ("test_images", "test_labels"):
        (fashion_folder / NAMES[role].name).unlink()
    data = _loaded(fashion_folder, DataFormat.idx)
    assert data.train.labels.bincount().tolist() == [4800] * 10
    assert data.test.labels.bincount().tolist() == [1200] * 10


@pytest.mark.parametrize("role", ["train_images", "test_labels"])
def test_half_a_pair_is_refused(fashion_folder: Path, role: str) -> None:
    """The missing file is named."""
    (fashion_folder / NAMES[role].name).unlink()
    with pytest.raises(UnavailableError, match=f"holds neither {NAMES[role].name} nor"):
        _loaded(fashion_folder, DataFormat.idx)


def test_a_digest_given_is_checked_in_place(fashion_folder: Path) -> None:
    """For one of the files, the others without."""
    files = {**NAMES, "test_labels": replace(FILES["test_labels"], sha256="0" * 64)}
    spec = _spec(fashion_folder, DataFormat.idx)
    spec = replace(spec, sources=(replace(spec.sources[0], files=files),))
    with pytest.raises(UnavailableError, match="t10k-labels-idx1-ubyte has sha256"):
        fetch(spec, cache=fashion_folder)


@pytest.mark.parametrize("kind", [SourceKind.torchvision, SourceKind.debian, SourceKind.pypi])
def test_what_comes_from_elsewhere_needs_a_digest(kind: SourceKind) -> None:
    """Only the user's own folder is trusted without."""
    with pytest.raises(SpecError, match="is not given") as caught:
        SourceSpec(kind=kind, origin="x", files=NAMES)
    assert caught.value.where == "dataset.files.train_images.sha256"


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "val_images", "val_labels"),
    ],
)
def test_arrays_go_by_their_usual_names(tmp_path: Path, names: tuple[str, ...]) -> None:
    """NumPy's plain ones, Keras' and MedMNIST's."""
    arrays = (noise(10, 4, 6), LABELS, noise(4, 4, 6, seed=1), LABELS[:4])
    data = _loaded(_saved(tmp_path, **dict(zip(names, arrays, strict=True))))
    assert torch.equal(in_memory(data.train).images[:, 0], torch.from_numpy(arrays[0]))
    assert torch.equal(in_memory(data.test).images[:, 0], torch.from_numpy(arrays[2]))
    assert data.test.labels.tolist() == [0, 1, 0, 1]
    assert data.classes == ("0", "1")


def test_the_path_may_be_the_npz_itself(tmp_path: Path) -> None:
    """Under any name."""
    path = tmp_path / "my data.npz"
    np.savez_compressed(path, train_images=noise(10, 4, 4), train_labels=LABELS)
    data = _loaded(path)
    assert data.source == f"folder {path}"
    assert (len(data.train.labels), len(data.test.labels)) == (8, 2)


@pytest.mark.parametrize("shape", [(10, 4, 6, 3), (10, 3, 4, 6)])
def test_channels_may_be_last_or_first(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """They are first here."""
    images = noise(*shape)
    data = _loaded(_saved(tmp_path, train_images=images, train_labels=LABELS[:, None]))
    first = images[0].transpose(2, 0, 1) if shape[-1] == 3 else images[0]
    assert data.train.shape == (3, 4, 6)
    assert np.array_equal(in_memory(data.train).images[0].numpy(), first)


def test_arrays_can_be_converted_and_resized(tmp_path: Path) -> None:
    """As images from files."""
    folder = _saved(tmp_path, train_images=noise(10, 4, 6), train_labels=LABELS)
    assert _loaded(folder, channels=3, resize=(8, 10)).train.shape == (3, 8, 10)


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({"images": noise(2, 4, 4)}, "holds images; expected train_images"),
        ({"train_images": noise(2, 4, 4)}, "lacks train_labels"),
        ({"train_images": noise(2, 4, 4) / 255, "train_labels": LABELS[:2]}, "is float64"),
        ({"train_images": noise(2, 4), "train_labels": LABELS[:2]}, r"is \[2, 4\]"),
        ({"train_images": noise(2, 4, 4, 5), "train_labels": LABELS[:2]}, r"C 1 or 3"),
        ({"train_images": noise(2, 4, 4), "train_labels": LABELS}, "2 images .* 10 labels"),
        ({"train_images": noise(0, 4, 4), "train_labels": LABELS[:0]}, "0 images"),
        ({"train_images": noise(2, 4, 4), "train_labels": LABELS[:2] / 2}, "whole numbers"),
        ({"train_images": noise(2, 4, 4), "train_labels": np.eye(2, dtype=int)}, "one label"),
        ({"train_images": noise(2, 4, 4), "train_labels": np.array([{}, {}])}, "cannot be read"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, arrays: dict[str, Any], problem: str) -> None:
    """File, array, what it is, and how to save it right."""
    with pytest.raises(SpecError, match=problem) as caught:
        _loaded(_saved(tmp_path, **arrays))
    assert caught.value.where == str(tmp_path / "arrays.npz")
    assert "numpy.savez" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 cut short"])
def test_what_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    """By name."""
    (tmp_path / "arrays.npz").write_bytes(content)
    with pytest.raises(SpecError, match=r"is no \.npz"):
        _loaded(tmp_path)


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    """A .npy by another name."""
    with (tmp_path / "arrays.npz").open("wb") as stream:
        np.save(stream, noise(2, 2))
    with pytest.raises(SpecError, match="one array, not several"):
        _loaded(tmp_path)


def test_test_images_of_another_shape_are_refused(tmp_path: Path) -> None:
    """Both shapes are told."""
    folder = _saved(
        tmp_path,
        train_images=noise(10, 4, 4),
        train_labels=LABELS,
        test_images=noise(10, 4, 5),
        test_labels=LABELS,
    )
    with pytest.raises(SpecError, match=r"\[1, 4, 4\], test images \[1, 4, 5\]"):
        _loaded(folder)


@pytest.mark.parametrize(
    ("labels", "classes", "problem"),
    [
        (LABELS + 1, (), "no training image shows 0"),
        (LABELS - 1, (), "labels go from -1 to 0"),
        (LABELS, ("only",), "labels go from 0 to 1; 1 classes are listed"),
        (LABELS, ("a", "b", "c"), "no training image shows c"),
    ],
)
def test_labels_that_do_not_fit_are_refused(
    tmp_path: Path, labels: Any, classes: tuple[str, ...], problem: str
) -> None:
    """Whether the recipe lists classes or the data number them."""
    folder = _saved(tmp_path, train_images=noise(10, 4, 4), train_labels=labels)
    with pytest.raises(SpecError, match=problem):
        _loaded(folder, classes=classes)


def test_arrays_cannot_stay_on_disk(tmp_path: Path) -> None:
    """The setting is refused, not ignored."""
    folder = _saved(tmp_path, train_images=noise(10, 4, 4), train_labels=LABELS)
    with pytest.raises(SpecError) as caught:
        _loaded(folder, in_memory=False)
    assert caught.value.where == "dataset.in_memory"


@pytest.mark.parametrize("form", [DataFormat.idx, DataFormat.npz])
def test_a_path_to_nothing_is_unavailable(tmp_path: Path, form: DataFormat) -> None:
    """One paragraph with the remedy."""
    with pytest.raises(PackagerError, match="there is no folder") as caught:
        _loaded(tmp_path / "gone", form)
    assert caught.value.exit_code == 4
    assert "dataset.path=DIR" in caught.value.remedy
