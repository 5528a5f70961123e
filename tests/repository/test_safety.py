"""Names and links that would lead out of the repository, and files that others can read."""

from __future__ import annotations

import os
import stat
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from packager.errors import UnavailableError
from packager.repository.publish import rewrite_manifest
from packager.repository.transition import serve
from packager.spec.recipe import MODEL_NAME

from .staging import leftovers, publish_marked, repository_in, tree
from .test_transition import FIRST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEVICES = ("CON", "PRN", "AUX", "NUL", "COM1", "LPT9")
HOSTILE = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="./\\ :\n\0~-_aC", max_size=10),
    st.from_regex(r"\A(?i:con|nul|aux|com1|lpt9)(\.[a-z]{0,3})?\Z"),
)


@pytest.fixture
def strict_umask() -> Iterator[None]:
    """Take a umask that hides files from everybody else."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.mark.usefixtures("strict_umask")
def test_others_can_read_whatever_the_umask_is(tmp_path: Path) -> None:
    """Triton rarely runs as the user who built: all of the repository, at every step."""
    repository = repository_in(tmp_path / "new")
    publish_marked(repository, "a", hosts=("gpu",))
    published = publish_marked(repository, "b", hosts=("cpu", "gpu"))
    rewrite_manifest(published, "proven", repository)
    serve(repository, "m", FIRST)
    for path in (repository.path.parent, repository.path, *repository.path.rglob("*")):
        expected = 0o755 if path.is_dir() else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


@pytest.mark.parametrize("linked", ["", "2", "config.pbtxt", "labels.txt", "configs", "configs/g"])
def test_links_out_of_the_repository_are_refused(tmp_path: Path, linked: str) -> None:
    """Before anything is written, naming the link and where it leads."""
    repository = repository_in(tmp_path)
    if linked:
        publish_marked(repository, "a", hosts=("cpu",) if "/" in linked else ())
    path = repository.path / "m" / linked
    if path.exists():
        path.unlink()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path.symlink_to(elsewhere)
    before = tree(tmp_path)
    with pytest.raises(UnavailableError, match=r"is a link to .*elsewhere") as caught:
        publish_marked(repository, "b")
    assert str(path) in caught.value.problem
    assert tree(tmp_path) == before
    assert leftovers(repository) == []


def test_a_link_that_stays_inside_is_taken(tmp_path: Path) -> None:
    """Labels of two models may be one file; publishing replaces the link, not the file."""
    repository = repository_in(tmp_path)
    publish_marked(repository, "a", name="other")
    publish_marked(repository, "b")
    labels = repository.path / "m" / "labels.txt"
    labels.unlink()
    labels.symlink_to("../other/labels.txt")
    publish_marked(repository, "c")
    assert labels.read_text() == "c\n"
    assert (repository.path / "other" / "labels.txt").read_text() == "a\n"


@given(HOSTILE)
@example("..")
@example("a..b")
@example("a.")
@example("a\n")
@example("nul.txt")
def test_a_model_name_is_one_safe_part_of_a_path(name: str) -> None:
    """On every system: no way out, nothing hidden, no device, no end that Windows drops."""
    if not MODEL_NAME.fullmatch(name):
        return
    assert PurePosixPath("/r", name).parent == PurePosixPath("/r")
    assert PureWindowsPath("C:/r", name).parent == PureWindowsPath("C:/r")
    assert name.split(".", maxsplit=1)[0].upper() not in DEVICES
    assert name.isascii()
    assert name.isprintable()
    assert ".." not in name
    assert name[0] not in ".-"
    assert name[-1] != "."


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a b", "a\tb", "a.", "a..b", ".a", "-a", "con", "Aux.pt", "é"],
)
def test_unsafe_names_are_refused(name: str) -> None:
    """Each for its own reason."""
    assert MODEL_NAME.fullmatch(name) is None


@pytest.mark.parametrize(
    "name", ["a", "_a", "fashion_cnn", "m-lr_0.01", "console", "com10", "a.b-c", "0", "x" * 128]
)
def test_usual_names_are_taken(name: str) -> None:
    """Those of sweeps too."""
    assert MODEL_NAME.fullmatch(name)
