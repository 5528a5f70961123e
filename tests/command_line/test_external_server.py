"""`server=external`: the live proof by a real Triton that somebody else runs."""

from __future__ import annotations

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from packager.client import Client
from packager.repository.layout import GOLDEN_RESPONSE_FILE
from packager.repository.manifest import sealed, sha256
from packager.repository.transition import LABELS_COPY
from packager.server.embedded import embedded
from packager.spec.server import ControlMode, EmbeddedServerSpec

from .conftest import copy_version_1
from .program import FASHION, Result, Workspace, files_but_locks, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packager.server.running import Server

    from .conftest import Built, Served


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


def _verify(workspace: Workspace, url: str, *more: str) -> Result:
    asked = ("task=versions", "task.action=verify", "task.model=fashion_cnn", "server=external")
    return workspace.run(*asked, f"server.url={url}", *more)


def test_verifying_asks_a_server_the_golden_requests(
    with_version_1: Workspace, served: Served
) -> None:
    """A line a version; one that the server does not serve is wrong only where it is named."""
    result = _verify(with_version_1, served.url)
    assert (result.status, result.err) == (0, "")
    assert re.match(
        r"fashion_cnn: version 1 is as published; not signed; answers as when it was proven, max"
        r" error \d\.\de-\d+ of max\|y\|\n",
        result.out,
    )
    model = with_version_1.repository / "fashion_cnn"
    shutil.copytree(model / "1", model / "5")
    manifest = json.loads((model / "5" / "manifest.json").read_text())
    (model / "5" / "manifest.json").write_text(sealed(manifest | {"version": 5}))
    unserved = "not served at 127.0.0.1:"
    assert (
        f"version 5 is as published; not signed; {unserved}"
        in _verify(with_version_1, served.url).out
    )
    named = _verify(with_version_1, served.url, "task.version=5")
    assert (named.status, f"fashion_cnn/5 is {unserved}" in named.out) == (1, True)
    assert "1 version is not served as proven" in named.error


def test_verifying_tells_a_server_that_answers_otherwise(
    with_version_1: Workspace, served: Served
) -> None:
    """The output and by how much; status 1, and 4 where nobody answers."""
    version = with_version_1.repository / "fashion_cnn" / "1"
    response = json.loads((version / GOLDEN_RESPONSE_FILE).read_text())
    response["outputs"][0]["data"][3] += 1000.0
    (version / GOLDEN_RESPONSE_FILE).write_text(json.dumps(response))
    manifest = json.loads((version / "manifest.json").read_text())
    manifest["files"][GOLDEN_RESPONSE_FILE] = sha256(version / GOLDEN_RESPONSE_FILE)
    (version / "manifest.json").write_text(sealed(manifest))
    result = _verify(with_version_1, served.url, "task.format=json")
    assert result.status == 1
    (found,) = json.loads(result.out)[0]["findings"]
    assert found["path"] == "fashion_cnn/1"
    assert "output 'output0' is off by 1.0e+00 of max|y|, allowed 1e-04" in found["problem"]
    away = _verify(with_version_1, "127.0.0.1:1", "server.ready_timeout_s=0.1")
    assert (away.status, "no ready Triton answered at 127.0.0.1:1" in away.error) == (4, True)


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
