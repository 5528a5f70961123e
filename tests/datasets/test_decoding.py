"""From an image file of any kind to bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from packager.datasets.decoding import UnreadableImageError, decode, open_image
from packager.datasets.transforms import to_channels

from .images import noise, save

if TYPE_CHECKING:
    from pathlib import Path

ORIENTATION = 0x0112
"""EXIF's tag."""


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif", "tiff", "webp", "jpg", "jpeg"])
def test_every_kind_of_file_gives_its_pixels(tmp_path: Path, suffix: str) -> None:
    """Exactly where the kind loses nothing, closely where it does; not square."""
    smooth = np.linspace(0, 255, 24, dtype=np.uint8).reshape(4, 6)
    path = save(smooth, tmp_path / f"a.{suffix}")
    pixels = decode(open_image(str(path)), 1)
    assert pixels.shape == (1, 4, 6)
    assert pixels.dtype == np.dtype(np.uint8)
    loses = suffix in {"jpg", "jpeg", "webp"}
    assert np.abs(pixels[0].astype(int) - smooth).max() <= (16 if loses else 0)


def test_rgb_comes_channels_first(tmp_path: Path) -> None:
    """[H, W, 3] in the file, [3, H, W] here."""
    image = noise(5, 7, 3)
    pixels = decode(open_image(str(save(image, tmp_path / "a.png"))), None)
    assert np.array_equal(pixels, image.transpose(2, 0, 1))


@pytest.mark.parametrize(("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("RGB", 3),
                                                ("RGBA", 3), ("P", 3)])  # fmt: skip
def test_an_image_is_grey_by_its_mode(tmp_path: Path, mode: str, channels: int) -> None:
    """A palette counts as RGB, whatever is in it."""
    Image.new(mode, (3, 2)).save(tmp_path / "a.png")
    assert decode(open_image(str(tmp_path / "a.png")), None).shape == (channels, 2, 3)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_channels_of_files_and_of_arrays_are_converted_alike(
    tmp_path: Path, shape: tuple[int, ...], channels: int
) -> None:
    """Value for value, so that a model trained on one is right about the other."""
    image = noise(*shape)
    path = save(image, tmp_path / "a.png")
    own = torch.from_numpy(decode(open_image(str(path)), None))
    as_file = decode(open_image(str(path)), channels)
    assert np.array_equal(to_channels(own[None], channels)[0].numpy(), as_file)


def test_an_image_stands_as_exif_says(tmp_path: Path) -> None:
    """A phone held sideways writes the pixels lying."""
    image = Image.fromarray(np.array([[10, 20, 30], [40, 50, 60]], np.uint8))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image.save(tmp_path / "a.png", exif=exif)
    pixels = decode(open_image(str(tmp_path / "a.png")), 1)
    assert pixels.tolist() == [[[40, 10], [50, 20], [60, 30]]]


def test_transparency_is_laid_on_black(tmp_path: Path) -> None:
    """Whatever colour hides under it; half transparent is half as bright."""
    rgba = np.array([[[255, 255, 255, 0], [200, 100, 50, 255], [200, 100, 50, 128]]], np.uint8)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    pixels = decode(open_image(str(tmp_path / "a.png")), None)
    assert pixels.transpose(1, 2, 0).tolist() == [[[0, 0, 0], [200, 100, 50], [100, 50, 25]]]


def test_sixteen_bits_keep_their_upper_eight(tmp_path: Path) -> None:
    """Medical and depth images; Pillow alone would cut them off at 255."""
    Image.fromarray(np.array([[0, 255, 256, 65535]], np.uint16)).save(tmp_path / "a.png")
    assert decode(open_image(str(tmp_path / "a.png")), None).tolist() == [[[0, 0, 1, 255]]]


def test_32_bit_pixels_are_refused(tmp_path: Path) -> None:
    """Nobody knows what their range is."""
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UnreadableImageError, match="32-bit"):
        decode(open_image(str(tmp_path / "a.tif")), None)


def test_the_first_frame_of_many_counts(tmp_path: Path) -> None:
    """An animated GIF is its first picture."""
    frames = [Image.new("L", (2, 2), value) for value in (7, 99)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert decode(open_image(str(tmp_path / "a.gif")), 1).tolist() == [[[7, 7], [7, 7]]]


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tif"])
def test_a_damaged_file_is_one_kind_of_error(tmp_path: Path, suffix: str) -> None:
    """Wherever it is cut, it is refused or, by kinds that end early in peace, read."""
    path = save(noise(40, 40, 3), tmp_path / f"a.{suffix}")
    whole = path.read_bytes()
    refused: list[str] = []
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        try:
            decode(open_image(str(path)), None)
        except UnreadableImageError as error:
            refused.append(str(error))
    assert len(refused) > 30
    assert all(refused)
    assert not any("\n" in reason for reason in refused)


@pytest.mark.parametrize(("content", "problem"), [(b"", "no image"), (b"hello", "no image"),
                                                  (None, "No such file")])  # fmt: skip
def test_what_is_no_image_says_why(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """In words for people."""
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnreadableImageError, match=problem):
        open_image(str(tmp_path / "a.png"))
