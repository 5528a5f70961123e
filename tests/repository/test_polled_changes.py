"""What the plan says of a server that polls, against a real one."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packager.repository.changes import what_triton_does
from packager.server.embedded import embedded
from packager.server.running import Server
from packager.spec.server import ControlMode, EmbeddedServerSpec
from tests.server import models
from tests.server.conftest import config, tensor, write_model

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = 'name: "scores" ' + config(
    [tensor("x", "FP32", 4)], ['{ name: "y" data_type: TYPE_FP32 dims: [3] label_filename: "l" }']
)
ONE = "instance_group { count: 1 kind: KIND_CPU }"
TWO = "instance_group { count: 2 kind: KIND_CPU }"
PINNED = "version_policy { specific { versions: [1] } }"
STARTED, UNLOADED = "TRITONBACKEND_ModelInstanceInitialize", "successfully unloaded"


@dataclass
class Polled:
    """A model in a repository that a server polls."""

    server: Server
    model: Path
    aside: Path
    text: str = f"{BASE} {ONE}"

    def put(self, name: str, text: str) -> None:
        """Write a file of the model at once."""
        (self.aside / name).write_text(text)
        (self.aside / name).rename(self.model / name)

    def put_config(self, more: str) -> list[str]:
        """Write another config; return what the plan says of it."""
        before, self.text = self.text, f"{BASE} {more}"
        self.put("config.pbtxt", self.text)
        versions = sorted(int(path.name) for path in self.model.glob("[0-9]"))
        return what_triton_does(before, self.text, versions, None)

    def log_until(self, pattern: str, times: int) -> str:
        """Wait for the n-th line of a kind, and for what comes at once after it."""
        for _ in range(200):
            if len(re.findall(pattern, self.server.log_tail(10_000))) >= times:
                time.sleep(0.5)
                break
            time.sleep(0.1)
        log = self.server.log_tail(10_000)
        assert len(re.findall(pattern, log)) == times, log
        return log


@pytest.fixture
def polled(tmp_path: Path) -> Iterator[Polled]:
    """Give version 1 of a model, loaded."""
    model = write_model(tmp_path / "repository", "scores", models.Scores(), None)
    (model / "l").write_text("a\nb\nc\n")
    (model / "config.pbtxt").write_text(f"{BASE} {ONE}")
    repository = tmp_path / "repository"
    with embedded(EmbeddedServerSpec(), repository, control=ControlMode.poll) as server:
        yield Polled(server, model, tmp_path)


def test_a_server_does_what_the_plan_says(polled: Polled) -> None:
    """It updates instances and policy without a reload, and reloads for all else."""
    polled.log_until("successfully loaded", 1)
    assert polled.put_config(TWO) == ["updates the instances of version 1, without a reload"]
    log = polled.log_until("successfully loaded", 2)
    assert (log.count(STARTED), log.count(UNLOADED)) == (2, 0)

    assert polled.put_config(f"{TWO} {PINNED}") == ["nothing"]
    log = polled.log_until("successfully loaded", 3)
    assert (log.count(STARTED), log.count(UNLOADED)) == (2, 0)

    shutil.copytree(polled.model / "1", polled.aside / "2")
    (polled.aside / "2").rename(polled.model / "2")
    assert what_triton_does(polled.text, polled.text, (1,), 2) == ["nothing"]
    log = polled.log_until("successfully loaded", 4)
    assert (log.count(STARTED), log.count(UNLOADED)) == (2, 0)

    assert polled.put_config(f"{TWO} {PINNED} dynamic_batching {{ }}") == [
        "reloads version 1 with the new config"
    ]
    polled.log_until(UNLOADED, 1)

    polled.put("l", "a\nb\nd\n")
    assert what_triton_does(polled.text, polled.text, (1, 2), None, files_changed=True) == [
        "reloads version 1: files beside it changed"
    ]
    polled.log_until(UNLOADED, 2)

    assert polled.put_config(f"{TWO} dynamic_batching {{ }}") == [
        "loads version 2",
        "drops version 1 (policy latest 1)",
    ]
    log = polled.log_until(f"{UNLOADED} 'scores' version 1", 3)
    assert log.count("loading: scores:2") == 1
