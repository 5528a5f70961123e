"""Two processes train one model together, as torchrun starts them."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from .program import REPOSITORY

if TYPE_CHECKING:
    from .program import Workspace

TORCHRUN = (
    sys.executable,
    "-m",
    "torch.distributed.run",
    "--nproc-per-node=2",
    "--rdzv-backend=c10d",
    "--rdzv-endpoint=127.0.0.1:0",
    "-m",
    "packager",
)
TRAINING = (
    "model=fashion_cnn",
    "server=none",
    "dataset.max_train_samples=3000",
    "dataset.max_test_samples=1000",
    "trainer.epochs=2",
    "trainer.threads=1",
    "trainer.batch_size=64",
)


def test_two_processes_train_one_model_and_one_publishes(workspace: Workspace) -> None:
    """One version, one output, an accuracy as of one process; twice the same artifact."""
    results = [
        # Each with a cache of its own, so that it trains.
        workspace.run(*TRAINING, f"cache.path={workspace.root / name}", command=TORCHRUN)
        for name in ("first", "second")
    ]
    alone = workspace.run(*TRAINING)
    for result in (*results, alone):
        assert result.status == 0, result.err
        assert result.err.count("epoch 2/2") == 1
        assert result.err.count("\n   train  ") == 1
    assert results[0].out.count(" is published") == 1
    assert results[1].out.count("fashion_cnn is unchanged: version 1 ") == 1
    records = [
        json.loads(
            (workspace.cwd / REPOSITORY / "fashion_cnn" / str(number) / "manifest.json").read_text()
        )
        for number in (1, 2)
    ]
    trainings = [record["training"] for record in records]
    assert [training["processes"] for training in trainings] == [2, 1]
    assert abs(trainings[0]["test_accuracy"] - trainings[1]["test_accuracy"]) < 0.05
    assert workspace.processes() == []


def test_a_loss_that_is_not_finite_is_told_once(workspace: Workspace) -> None:
    """Both processes stop; one says why; nothing is published."""
    result = workspace.run(
        *TRAINING,
        "trainer.optimizer=sgd",
        "trainer.lr=1e37",
        "trainer.schedule=constant",
        command=TORCHRUN,
    )
    assert result.status != 0
    assert result.err.count("error: trainer: the loss is") == 1
    assert not list(workspace.repository.glob("*/*"))
    assert workspace.processes() == []


def test_a_sweep_by_several_processes_is_refused(workspace: Workspace) -> None:
    """Each would train everything."""
    result = workspace.run("-m", *TRAINING, "trainer.seed=1,2", command=TORCHRUN)
    assert result.status != 0
    assert "leave out -m or torchrun" in result.err
