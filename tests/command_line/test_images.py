"""`task=images`, the real program: a recipe's dataset or one alone, again, interrupted."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from .program import FASHION, Result, Workspace

if TYPE_CHECKING:
    from pathlib import Path

PART = tuple(key for key in FASHION if key.startswith("dataset."))
FOLDER = "task.to=clothes"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Result]:
    """The dataset of fashion_cnn in a flat folder."""
    workspace = Workspace(tmp_path_factory.mktemp("images"))
    return workspace, workspace.run(*FASHION, "task=images", FOLDER)


def test_a_recipes_dataset_is_written(written: tuple[Workspace, Result]) -> None:
    """600 and 200 images of it, which is called a subset; nothing else is left anywhere."""
    workspace, result = written
    assert result.status == 0, result.err
    folder = workspace.cwd / "clothes"
    lines = result.out.splitlines()
    assert lines[0] == (
        f"{folder}: 800 images of fashion_mnist (600 train, 200 test) of a SUBSET of the dataset"
    )
    assert lines[1].startswith("800 written; 0 there already (")
    assert lines[1].endswith(" images/s)")
    assert "SUBSET:" in result.err
    assert len(list(folder.iterdir())) == 803
    assert (folder / "train.txt").read_text().splitlines()[0] == "ankle_boot_0.png 9"
    assert [path.name for path in workspace.cwd.iterdir()] == ["clothes"]


def test_a_dataset_alone_finds_them_there(written: tuple[Workspace, Result]) -> None:
    """Without a recipe; of the part that is asked for."""
    workspace, _result = written
    asked = ("task=images", FOLDER, "task.split=test", "task.limit=20", "task.workers=1")
    result = workspace.run("dataset=fashion_mnist", *PART, *asked)
    assert result.status == 0, result.err
    assert "20 images of fashion_mnist (20 test)" in result.out
    assert "0 written; 20 there already (" in result.out
    assert len((workspace.cwd / "clothes" / "test.txt").read_text().splitlines()) == 20


def test_an_interrupt_leaves_whole_images_and_no_lists(tmp_path: Path) -> None:
    """Ctrl-C while 70,000 are written ends it with 130; the same command goes on."""
    workspace = Workspace(tmp_path)
    folder = workspace.cwd / "clothes"
    with workspace.start("dataset=fashion_mnist", "task=images", FOLDER) as running:
        running.wait_until(lambda: folder.is_dir() and any(folder.glob("*.png")))
        running.signal_group(signal.SIGINT)
        assert running.result().status == 130
    names = [path.name for path in folder.iterdir()]
    assert 0 < len(names) < 70_000
    assert all(name.endswith(".png") for name in names)
    for name in (*names[:50], *names[-50:]):
        Image.open(folder / name).load()
