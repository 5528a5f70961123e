"""Training that is killed, for real, goes on from its checkpoint to the same weights."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING

import pytest

from .program import Workspace

if TYPE_CHECKING:
    from pathlib import Path

TRAINING = (
    "model=fashion_cnn",
    "server=none",
    "dataset.max_train_samples=1200",
    "dataset.max_test_samples=200",
    "trainer.threads=1",
    "trainer.epochs=4",
    "trainer.batch_size=50",
    "trainer.ema_decay=0.99",
    "trainer.augmentation.horizontal_flip=true",
    "trainer.augmentation.crop_padding=1",
    "trainer.checkpoint_seconds=0",
)


def _manifest(workspace: Workspace) -> dict[str, object]:
    """Return what training led to: how, its weights, the files that were made of it."""
    path = workspace.repository / "fashion_cnn" / "1" / "manifest.json"
    manifest = json.loads(path.read_text())
    return {**manifest["training"], **manifest["module"], **manifest["files"]}


def _kept(cache: Path) -> list[Path]:
    """Return the checkpoints in a cache."""
    return list((cache / "training").glob("*/checkpoint.pt"))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Give what training leads to that nothing disturbs."""
    workspace = Workspace(tmp_path_factory.mktemp("uninterrupted"))
    result = workspace.run(*TRAINING, "trainer.checkpoint_seconds=1000")
    assert result.status == 0, result.err
    return _manifest(workspace)


def test_kill_9_again_and_again_ends_in_the_same_weights(
    workspace: Workspace, uninterrupted: dict[str, object], tmp_path: Path
) -> None:
    """Killed in the first epoch and later; every number is that of one run."""
    here = (*TRAINING, f"cache.path={tmp_path}")
    for epoch in (1, 3):
        with workspace.start(*here) as running:
            running.wait_until(
                lambda: _kept(tmp_path) and (epoch == 1 or f"epoch {epoch - 1}/4 " in running.err)  # noqa: B023  used at once
            )
            running.signal_group(signal.SIGKILL)
            assert running.result().status == -signal.SIGKILL
        assert len(_kept(tmp_path)) == 1
    result = workspace.run(*here)
    assert result.status == 0, result.err
    assert "resumed at epoch" in result.err
    assert _manifest(workspace) == uninterrupted
    assert _kept(tmp_path) == []


def test_ctrl_c_writes_a_checkpoint_and_the_same_command_goes_on(
    workspace: Workspace, uninterrupted: dict[str, object], tmp_path: Path
) -> None:
    """Status 130, nothing published; the second run says where it takes over."""
    here = (*TRAINING, f"cache.path={tmp_path}", "trainer.checkpoint_seconds=1000")
    with workspace.start(*here) as running:
        running.wait_until(lambda: "epoch 2/4 " in running.err)
        running.signal_group(signal.SIGINT)
        result = running.result()
    assert result.status == 130
    assert "the same command goes on from there" in result.err
    assert result.err.endswith("\ninterrupted\n")
    result = workspace.run(*here)
    assert "resumed at epoch" in result.err
    assert _manifest(workspace) == uninterrupted


def test_a_build_that_fails_after_training_does_not_train_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    """It was killed after training: the second run has no epoch to do, and needs no checkpoint."""
    here = (*TRAINING, f"cache.path={tmp_path}", "trainer.epochs=1")
    with workspace.start(*here, "server=embedded") as running:
        running.wait_until(lambda: "export  " in running.err)
        running.signal_group(signal.SIGKILL)
        running.result()
    workspace.wait_until_nothing_is_left(within_s=15)
    assert _kept(tmp_path) == []
    result = workspace.run(*here)
    assert result.status == 0, result.err
    assert re.search(r"^   train  test accuracy .* \(reused\)$", result.err, re.MULTILINE)
    assert "epoch 1/1" not in result.err


def test_max_minutes_publishes_what_there_is(workspace: Workspace) -> None:
    """In time, with the reason in the manifest; with more time training goes on."""
    result = workspace.run(*TRAINING, "trainer.epochs=100000", "trainer.max_minutes=0.05")
    assert result.status == 0, result.err
    assert "stopped by trainer.max_minutes" in result.err
    version = workspace.repository / "fashion_cnn" / "1"
    manifest = json.loads((version / "manifest.json").read_text())
    assert manifest["training"]["stopped_by"] == "trainer.max_minutes"
    lines = (version / "metrics.jsonl").read_text().splitlines()
    seconds = [epoch["seconds"] for epoch in manifest["times"]["epochs"]]
    assert len(seconds) == len(lines) > 0
    assert seconds == sorted(seconds)
    assert seconds[-1] < 15
    result = workspace.run(*TRAINING, "trainer.epochs=100000", "trainer.max_minutes=0.1")
    assert "resumed at epoch" in result.err
    assert "fashion_cnn version 2 is published" in result.out
