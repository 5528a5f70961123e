"""A result is in its file whole, or the file is as it was before."""

from __future__ import annotations

from pathlib import Path

import pytest

from packager import output_file
from packager.errors import SpecError, UnavailableError

KEY = "task.output"


def test_a_file_is_replaced_whole_or_left(tmp_path: Path) -> None:
    """A link stays one, and its file is replaced; a disk that is full leaves the one before."""
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    output_file.write(tmp_path / "link", b"after", where=KEY)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "after"
    with pytest.raises(UnavailableError, match="/dev/full cannot be written: No space"):
        output_file.write(Path("/dev/full"), b"more", where=KEY)
    assert len(list(tmp_path.iterdir())) == 2


def test_folders_are_made(tmp_path: Path) -> None:
    """Before the work, so that a place that cannot be is told then."""
    path = tmp_path / "new" / "folder" / "result.json"
    output_file.require_writable(path, where=KEY)
    assert list(path.parent.iterdir()) == []
    output_file.write(path, b"{}", where=KEY)
    assert [one.name for one in path.parent.iterdir()] == ["result.json"]


def test_a_place_that_holds_no_file_is_refused_before_the_work(tmp_path: Path) -> None:
    """A folder, or one below a file."""
    with pytest.raises(SpecError, match="is a folder"):
        output_file.require_writable(tmp_path, where=KEY)
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="cannot be written"):
        output_file.require_writable(tmp_path / "file" / "result.json", where=KEY)
