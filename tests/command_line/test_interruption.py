"""However a build is ended: nothing is published, nothing half-done is left, no process stays."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .program import FASHION, STAGING, Running, Workspace, files_but_locks

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = ("model=fashion_cnn", *FASHION[1:3], "trainer.threads=1", "trainer.epochs=10000")
TERMINATED = 128 + signal.SIGTERM


@contextmanager
def _in_training(workspace: Workspace) -> Iterator[Running]:
    with workspace.start(*LONG) as running:
        running.wait_until(lambda: "epoch 2/" in running.err)
        yield running


@contextmanager
def _in_live_proof(workspace: Workspace) -> Iterator[Running]:
    # Another test may have built the same: its proof is kept, and would not run.
    with workspace.start(*FASHION, "task.force=[live]") as running:
        running.wait_until(lambda: any("_stub" in line for line in workspace.processes()))
        yield running


def _assert_untouched(workspace: Workspace) -> None:
    """Nothing is published, staged or running."""
    assert files_but_locks(workspace.repository) == []
    assert files_but_locks(workspace.cwd / STAGING) == []
    assert workspace.left_behind() == []


def test_ctrl_c_in_training(workspace: Workspace) -> None:
    """Status 130 and one line."""
    with _in_training(workspace) as running:
        running.signal_group(signal.SIGINT)
        result = running.result()
    assert result.status == 130
    assert result.err.endswith("\ninterrupted\n")
    assert "Traceback" not in result.err
    assert result.out == ""
    _assert_untouched(workspace)


def test_ctrl_c_in_the_live_proof(workspace: Workspace) -> None:
    """Status 130 and one line; the server and the model's own process are gone too."""
    with _in_live_proof(workspace) as running:
        running.signal_group(signal.SIGINT)
        result = running.result()
    assert result.status == 130
    assert result.err.endswith("\ninterrupted\n")
    assert "Traceback" not in result.err
    _assert_untouched(workspace)


def test_termination_in_the_live_proof(workspace: Workspace) -> None:
    """As a container is stopped: status 143, no traceback."""
    with _in_live_proof(workspace) as running:
        running.signal_group(signal.SIGTERM)
        result = running.result()
    assert result.status == TERMINATED
    assert "Traceback" not in result.err
    assert result.out == ""
    _assert_untouched(workspace)


def test_a_killed_build_takes_its_server_along(workspace: Workspace) -> None:
    """`kill -9` leaves no time to clean up: another process sees to it, within seconds."""
    with _in_live_proof(workspace) as running:
        running.signal_group(signal.SIGKILL)
        assert running.result().status == -signal.SIGKILL
        workspace.wait_until_nothing_is_left(within_s=15)
    assert files_but_locks(workspace.repository) == []
