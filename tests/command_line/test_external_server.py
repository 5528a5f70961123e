"""`server=external`: the live proof by a real Triton that somebody else runs."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from packager.client import Client
from packager.repository.transition import LABELS_COPY
from packager.server.embedded import embedded
from packager.spec.server import ControlMode, EmbeddedServerSpec

from .conftest import copy_version_1
from .program import FASHION, Result, Workspace, files_but_locks, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packager.server.running import Server

    from .conftest import Built


@pytest.fixture(scope="module")
def explicit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Triton that loads what it is asked to load; its own repository is empty."""
    repository = tmp_path_factory.mktemp("explicit")
    with embedded(EmbeddedServerSpec(), repository, control=ControlMode.explicit) as server:
        yield server


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Triton that polls another directory than the one that is published to."""
    repository = tmp_path_factory.mktemp("elsewhere")
    with embedded(EmbeddedServerSpec(), repository, control=ControlMode.poll) as server:
        yield server


def _build(workspace: Workspace, server: Server, *more: str) -> Result:
    grpc = f"server.grpc_url={server.endpoints.grpc}"
    return workspace.run(
        *FASHION, "server=external", f"server.url={server.endpoints.http}", grpc, *more
    )


def _live_verdict(model: Path, version: int) -> str:
    manifest = json.loads((model / str(version) / "manifest.json").read_text())
    return str(manifest["proofs"]["live"]["verdict"])


def _index(server: Server) -> dict[str, str]:
    with Client(server.endpoints) as client:
        return {entry["name"]: entry.get("state", "") for entry in client.repository_index()}


def test_in_explicit_mode_the_staged_bytes_are_proven_under_a_temporary_name(
    workspace: Workspace, explicit_server: Server
) -> None:
    """The server never sees the repository, and has no model of ours afterwards."""
    result = _build(workspace, explicit_server)
    assert result.status == 0, result.err
    assert re.search(
        r"^│ live +│ passed +│ Triton 2\.51\.0: .*3 protocols", result.out, re.MULTILINE
    )
    assert _live_verdict(workspace.repository / "fashion_cnn", 1) == "passed"
    assert "READY" not in _index(explicit_server).values()
    assert workspace.left_behind() == []


@pytest.fixture
def following(with_version_1: Workspace) -> Iterator[Server]:
    """A Triton that polls the repository that is published to, where version 1 is served."""
    spec, repository = EmbeddedServerSpec(), with_version_1.repository
    with embedded(spec, repository, control=ControlMode.poll) as server:
        yield server


def test_in_poll_mode_a_new_version_is_proven_after_publishing(
    with_version_1: Workspace, following: Server
) -> None:
    """The server that follows the repository answers as trained, and the manifest says so."""
    more = ("serving.max_batch_size=64", "allow_breaking=true")
    result = _build(with_version_1, following, *more)
    assert result.status == 0, result.err
    assert re.search(r"^│ live +│ passed +│ Triton 2\.51\.0: ", result.out, re.MULTILINE)
    model = with_version_1.repository / "fashion_cnn"
    assert "max_batch_size: 64" in (model / "config.pbtxt").read_text()
    assert _index(following) == {"fashion_cnn": "READY"}
    assert _live_verdict(model, 2) == "passed"


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenBack:
    """A build that the server never saw, and its repository before and after."""

    workspace: Workspace
    result: Result
    before: dict[str, str]
    after: dict[str, str]


@pytest.fixture(scope="module")
def taken_back(
    built: Built, elsewhere: Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, TakenBack]:
    """A new model, and a new version whose config and labels differ; both at the same time."""
    new, existing = (Workspace(tmp_path_factory.mktemp(name)) for name in ("new", "existing"))
    new.repository.mkdir()
    copy_version_1(built, existing)

    def build(workspace: Workspace, *more: str) -> TakenBack:
        before = tree(workspace.repository)
        result = _build(workspace, elsewhere, "server.ready_timeout_s=5", *more)
        return TakenBack(
            workspace=workspace, result=result, before=before, after=tree(workspace.repository)
        )

    with ThreadPoolExecutor(2) as pool:
        jobs = {
            "new model": pool.submit(build, new),
            "new version": pool.submit(
                build,
                existing,
                "serving.max_batch_size=64",
                "dataset.classes=[a,b,c,d,e,f,g,h,i,j]",
                "allow_breaking=true",
            ),
        }
        return {name: job.result() for name, job in jobs.items()}


@pytest.mark.parametrize(("case", "version"), [("new model", 1), ("new version", 2)])
def test_what_the_server_never_sees_is_taken_back(
    taken_back: dict[str, TakenBack], case: str, version: int
) -> None:
    """Byte for byte. Status 3: the proof was tried and did not hold; no server was missing.

    A copy of the old labels stays, for a server that may still load with it.
    """
    found = taken_back[case]
    assert found.result.status == 3
    assert f"version {version} is taken back" in found.result.error
    assert found.result.out == ""
    left = {path: one for path, one in found.after.items() if not LABELS_COPY.search(path)}
    assert left == found.before
    assert files_but_locks(found.workspace.staging) == []
    assert found.workspace.left_behind() == []
