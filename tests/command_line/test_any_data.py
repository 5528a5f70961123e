"""Users' own data: image folders in every layout, streamed or not, .npz and IDX files."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from .own_files import (
    CLOTHES,
    PHOTOS_A_CLASS,
    Clothes,
    read_clothes,
    write_configuration,
    write_photos,
)
from .program import Result, Workspace, files_but_locks, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

QUICK = (
    "trainer.threads=1",
    "trainer.epochs=3",
    "trainer.batch_size=8",
    "serving.max_batch_size=4",
)
PHOTOS = ("dataset=image_folder", "architecture=photos")
PREPARED = (
    "dataset.resize=[24,32]",
    "dataset.normalize.mean=[0.5,0.5,0.5]",
    "dataset.normalize.std=[0.2,0.2,0.2]",
)
ARRAYS = ("architecture=linear", "trainer.epochs=1")

BUILDS = {
    "photos": (*PHOTOS, *PREPARED, "dataset.path=photos"),
    "resnet": (
        *("dataset=image_folder", "architecture=resnet18", "trainer.epochs=1"),
        *("dataset.path=photos", "dataset.resize=[32,32]", "server=none"),
    ),
    "streamed": (
        *(*PHOTOS, *PREPARED, "dataset.path=photos"),
        *("dataset.in_memory=false", "dataset.workers=2", "server=none"),
    ),
    "split": (*PHOTOS, *PREPARED, "dataset.path=split", "server=none"),
    "damaged": (
        *(*PHOTOS, *PREPARED, "dataset.path=damaged"),
        *("dataset.skip_unreadable=true", "server=none"),
    ),
    "npz": (*ARRAYS, "dataset=npz", "dataset.path=clothes.npz", "server=none"),
    "idx": (*ARRAYS, "dataset=idx", "dataset.path=idx", "server=none", "cache.path=cache"),
}
"""The first with the embedded server's live proof; the last does not reuse the training before."""

REFUSED = {
    "damaged": (
        (*PHOTOS, "dataset.path=damaged"),
        (
            "error: damaged/shirt/zz.png: cannot be read as an image: it is no image of a known"
            " kind. Remedy: repair or remove it, or leave such images out with"
            " dataset.skip_unreadable=true."
        ),
    ),
    "empty": (
        (*PHOTOS, "dataset.path=empty"),
        (
            "error: empty/hat: class hat has no image (.png, .jpg, .jpeg, .bmp, .gif, .webp, .tif,"
            " .tiff). Remedy: add images or remove the folder; lay images out as DIR/<class>/*.png,"
            " or as DIR/train/<class>/ and DIR/test/<class>/."
        ),
    ),
    "head": (
        ("dataset=image_folder", "architecture=linear", "dataset.path=photos"),
        (
            "error: architecture.layers[1]: the last layer gives [10]; the dataset has 3 classes."
            " Remedy: end with Linear: {out_features: 3}."
        ),
    ),
}
"""Data that do not do, and what is said of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """All models in one repository, and what their builds answered."""

    workspace: Workspace
    results: dict[str, Result]

    def manifest(self, name: str) -> Any:
        """Return a build's manifest; fails with what the build said where there is none."""
        assert self.results[name].status == 0, self.results[name].err
        return json.loads((self.workspace.repository / name / "1" / "manifest.json").read_text())


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Keep the server's threads, too, from waiting for each other where cores are few."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, cache_home: Path) -> Workspace:
    """A user's working directory: the same photos in several folders, and arrays."""
    workspace = Workspace(tmp_path_factory.mktemp("data"))
    here, clothes = workspace.cwd, read_clothes(cache_home)
    write_configuration(here)
    write_photos(clothes, here / "photos")
    _write_split(here / "photos", here / "split")
    for name in ("damaged", "empty"):
        shutil.copytree(here / "photos", here / name)
    (here / "damaged" / "shirt" / "zz.png").write_bytes(b"no image")
    (here / "empty" / "hat").mkdir()
    (here / "empty" / "hat" / "notes.txt").write_text("no image either")
    _write_arrays(clothes, here)
    return workspace


def _write_split(photos: Path, folder: Path) -> None:
    """Lay photos out as train and test, with every fifth of a class as test."""
    for photo in sorted(photos.glob("*/*.png")):
        split = "test" if int(photo.stem) % 5 == 4 else "train"
        target = folder / split / photo.parent.name / photo.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, target)


def _write_arrays(clothes: Clothes, folder: Path) -> None:
    """Write the clothes as one .npz with Keras' names, and as IDX files."""
    arrays = {
        "x_train": clothes.train.images[:, 0].numpy(),
        "y_train": clothes.train.labels.numpy().astype(np.uint8),
        "x_test": clothes.test.images[:, 0].numpy(),
        "y_test": clothes.test.labels.numpy().astype(np.uint8),
    }
    np.savez(folder / "clothes.npz", **arrays)
    (folder / "idx").mkdir()
    for split, prefix in (("train", "train"), ("test", "t10k")):
        _write_idx(arrays[f"x_{split}"], folder / "idx" / f"{prefix}-images-idx3-ubyte")
        _write_idx(arrays[f"y_{split}"], folder / "idx" / f"{prefix}-labels-idx1-ubyte")


def _write_idx(array: NDArray[np.uint8], path: Path) -> None:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


@pytest.fixture(scope="module")
def models(workspace: Workspace) -> Models:
    """Every kind of data, two builds at a time."""

    def build(name: str) -> Result:
        return workspace.run("--config-dir", "my", *QUICK, *BUILDS[name], f"name={name}")

    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(BUILDS, pool.map(build, BUILDS), strict=True))
    return Models(workspace=workspace, results=results)


def test_a_model_of_photos_learns_and_passes_the_live_proof(models: Models) -> None:
    """RGB, wider than high, made smaller and normalised; the folders' names are the classes."""
    manifest = models.manifest("photos")
    assert {proof["verdict"] for proof in manifest["proofs"].values()} == {"passed"}
    assert "Triton 2.51.0" in manifest["proofs"]["live"]["finding"]
    assert manifest["recipe"]["inputs"][0]["dims"] == [3, 24, 32]
    assert manifest["labels"] == list(CLOTHES)
    assert manifest["training"]["test_accuracy"] > 0.8
    assert manifest["preprocessing"]["resize"] == [24, 32]
    assert manifest["preprocessing"]["normalize"] == {"mean": [0.5] * 3, "std": [0.2] * 3}
    assert files_but_locks(models.workspace.staging) == []


def test_a_torchvision_model_learns_from_photos(models: Models) -> None:
    """Its own stem takes RGB, its head gives a score for each folder."""
    manifest = models.manifest("resnet")
    assert manifest["recipe"]["inputs"][0]["dims"] == [3, 32, 32]
    assert manifest["recipe"]["outputs"][0]["dims"] == [len(CLOTHES)]


def test_images_left_on_disk_train_to_the_same_weights(models: Models) -> None:
    """Batches are the same, bit for bit; the digest is of the files instead of the tensors."""
    memory, disk = models.manifest("photos"), models.manifest("streamed")
    assert disk["module"]["weights_sha256"] == memory["module"]["weights_sha256"]
    assert disk["files"]["model.pt"] == memory["files"]["model.pt"]
    assert disk["dataset"]["digest"] != memory["dataset"]["digest"]


def test_folders_of_train_and_test_are_the_splits(models: Models) -> None:
    """Without them every fifth photo of a class, by its name, is held out as test."""
    one, split = models.manifest("photos")["dataset"], models.manifest("split")["dataset"]
    photos = PHOTOS_A_CLASS * len(CLOTHES)
    assert (one["train_images"], one["test_images"]) == (photos * 4 // 5, photos // 5)
    assert split["digest"] == one["digest"]
    assert split["source"] == "folder split"


def test_unreadable_images_are_left_out_and_counted(models: Models) -> None:
    """Told by name while it works; the others are as they were."""
    dataset = models.manifest("damaged")["dataset"]
    assert dataset["skipped_images"] == 1
    assert dataset["digest"] == models.manifest("photos")["dataset"]["digest"]
    told = models.results["damaged"].err
    assert "leaving out damaged/shirt/zz.png: it is no image of a known kind" in told


def test_npz_and_idx_files_are_read_where_they_lie(models: Models) -> None:
    """Neither names its classes or gives a sha256: the labels' numbers are the names."""
    npz, idx = models.manifest("npz"), models.manifest("idx")
    assert npz["dataset"]["digest"] == idx["dataset"]["digest"]
    assert npz["module"]["weights_sha256"] == idx["module"]["weights_sha256"]
    assert npz["labels"] == idx["labels"] == [str(number) for number in range(10)]
    assert (npz["dataset"]["train_images"], npz["dataset"]["test_images"]) == (300, 100)


@pytest.fixture(scope="module")
def refused(workspace: Workspace) -> dict[str, Result]:
    """Builds that fail, two at a time, each with a repository of its own."""

    def build(name: str) -> Result:
        return workspace.run(
            *("--config-dir", "my", *QUICK, *REFUSED[name][0], "server=none", "name=refused"),
            f"repository.path=refused-{name}",
        )

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(REFUSED, pool.map(build, REFUSED), strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_data_that_do_not_do_are_told_and_nothing_is_published(
    workspace: Workspace, refused: dict[str, Result], name: str
) -> None:
    """The folder or file is named, with what to do."""
    assert (refused[name].status, refused[name].error) == (2, REFUSED[name][1])
    assert tree(workspace.cwd / f"refused-{name}") == {}
    assert files_but_locks(workspace.cwd / f".refused-{name}.staging") == []
