"""Which pictures a name means."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from packager.datasets.decoding import UnreadableImageError
from packager.prediction.sources import Kind, Source, opened, sources
from tests.datasets.images import noise, save

if TYPE_CHECKING:
    from pathlib import Path


def names(*given: str) -> list[str]:
    """The names of the pictures that are meant, with why where there are none."""
    return [one.name + (f": {one.error}" if one.error else "") for one in sources(given)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with pictures."""
    for name in ("b.png", "a.JPG", "notes.txt", "deep/er/c.gif", "deep/.hidden.png", "x[1].png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_names_are_told_as_they_were_given_in_their_order() -> None:
    """Twice where they were given twice; a file's name is taken before a pattern."""
    assert names("x[1].png", "./b.png", "notes.txt", "b.png", "b.png") == [
        "x[1].png",
        "./b.png",
        "notes.txt",
        "b.png",
        "b.png",
    ]


def test_a_folder_means_the_pictures_below_it(here: Path) -> None:
    """By their suffix, sorted; what is hidden is passed over."""
    assert names("deep/") == ["deep/er/c.gif"]
    assert names(str(here)) == [f"{here}/{name}" for name in
                                ("a.JPG", "b.png", "deep/er/c.gif", "x[1].png")]  # fmt: skip


def test_a_pattern_means_the_files_that_it_matches(here: Path) -> None:
    """Of any suffix, in folders where it says so, and nothing but files."""
    assert names("*.png") == ["b.png", "x[1].png"]
    assert names("[bn]*") == ["b.png", "notes.txt"]
    assert names(f"{here}/**/*.gif") == [f"{here}/deep/er/c.gif"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gone.png", "no such file or folder"),
        ("*.webp", "no file matches"),
        ("em*", "no file matches"),
        ("empty", "the folder holds no picture"),
        ("ftp://host/a.png", "only http and https URLs are read, not ftp"),
        ("file:///etc/passwd", "only http and https URLs are read, not file"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_is_not_there_is_named_with_its_reason(name: str, why: str) -> None:
    """And does not end the others."""
    first, second = sources([name, "b.png"])
    assert first.name == name
    assert first.error.startswith(why)
    assert second == Source(name="b.png")
    with pytest.raises(UnreadableImageError, match=why):
        opened(first, timeout_s=1)


def test_urls_and_standard_input_are_told_from_files() -> None:
    """In any spelling of the scheme; nothing is looked up yet."""
    found = sources(["HTTP://127.0.0.1:9/a?b=1", "https://h/*.png", "-"])
    assert [one.kind for one in found] == [Kind.url, Kind.url, Kind.standard_input]


def test_a_pipe_is_read_as_a_file(tmp_path: Path) -> None:
    """As the shell's <(command) gives it."""
    content = save(noise(3, 4), tmp_path / "a.png").read_bytes()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    writer.start()
    (found,) = sources([str(tmp_path / "pipe")])
    assert opened(found, timeout_s=1).size == (4, 3)
    writer.join()


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """No picture, or a picture that would fill the memory."""
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(UnreadableImageError, match="no image of a known kind"):
        opened(Source(name=str(tmp_path / "a.png")), timeout_s=1)
    header = b"P5 40000 40000 255\n"
    (tmp_path / "bomb.pgm").write_bytes(header)
    with pytest.raises(UnreadableImageError, match="exceeds limit"):
        opened(Source(name=str(tmp_path / "bomb.pgm")), timeout_s=1)
