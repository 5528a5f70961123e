"""Publishers killed in the middle of what they send: nothing half is ever visible."""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from packager.errors import UnavailableError
from packager.repository import record
from packager.repository.integrity import model_findings, version_findings
from packager.repository.remote.files import RemoteFiles
from packager.repository.remote.model import RemoteModel
from packager.repository.state import read

from . import s3
from .cutting import Cut, Cutting, killer
from .models import Marked, publish_marked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.synchronize import Event

    from packager.spec.recipe import RemoteRepositorySpec

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["s3fs", f"{__package__}.models"])
PLAIN, HOSTED = Marked(mark="p", name="plain"), Marked(mark="h", name="hosted", hosts=("gpu",))


def test_killed_at_every_piece_of_what_it_sends(
    repository: RemoteRepositorySpec,
    server: s3.S3,
    figures: dict[str, float],
) -> None:
    """Of an old model, one with hosts and new ones: every version that is named is whole.

    None is lost, the next publisher gets another number, and what was left over is gone then.
    """
    files = RemoteFiles(repository.place)
    kills = half_seen = 0
    with Cutting(server.port).running() as proxy:
        for one in (PLAIN, HOSTED):
            publish_marked(repository, one)
        assert not _killed(repository, HOSTED, proxy, at=0)
        for at in range(1, proxy.pieces + 1):
            one = (PLAIN, HOSTED, replace(PLAIN, name=f"new-{at}"))[at % 3]
            before = files.versions(one.name)
            kills += _killed(repository, one, proxy, at=at, cut=list(Cut)[at // 3 % 3])
            half_seen += len(_not_whole(files, one.name))
            assert set(before) <= set(files.versions(one.name))
            if at % 6 == 0:
                _publishes_again(repository, PLAIN)
    for name in ("plain", "hosted", *files.models()):
        _publishes_again(repository, replace(HOSTED if name == "hosted" else PLAIN, name=name))
    figures |= {"uploads killed": kills, "half-published versions seen": half_seen}
    assert kills > 20
    assert half_seen == 0


def test_a_publish_takes(repository: RemoteRepositorySpec, figures: dict[str, float]) -> None:
    """Little time for a small model, of which most is the store's answers."""
    publish_marked(repository, "a")
    started = time.perf_counter()
    publish_marked(repository, replace(PLAIN, name="m", size=5_000_000))
    figures["seconds to publish 5 MB"] = time.perf_counter() - started
    assert figures["seconds to publish 5 MB"] < 30


def test_the_server_goes_away_midway(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at the labels: one clear error; nothing hangs."""
    with s3.running() as mortal:
        for name, value in mortal.environment.items():
            monkeypatch.setenv(name, value)
        spec = s3.repository_in(s3.new_bucket(), tmp_path_factory.mktemp("staging"))
        publish_marked(spec, "a")
        with Cutting(mortal.port).running() as proxy:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
            proxy.arm(25, Cut.before, mortal.process.kill)
            with pytest.raises(UnavailableError, match="cannot be reached") as caught:
                publish_marked(spec, "b")
    assert caught.value.where == "repository.path"


def _killed(
    spec: RemoteRepositorySpec,
    one: Marked,
    proxy: Cutting,
    *,
    at: int,
    cut: Cut = Cut.before,
) -> bool:
    """Publish in another process, killed at a piece of what it sends; return whether it was."""
    armed = PROCESSES.Event()
    process = PROCESSES.Process(
        target=_publish, args=(armed, spec, one, s3.environment(proxy.port))
    )
    process.start()
    assert process.pid is not None
    proxy.arm(at, cut, killer(process.pid))
    armed.set()
    process.join(60)
    assert process.exitcode in {0, -9}
    return process.exitcode != 0


def _publish(
    armed: Event, spec: RemoteRepositorySpec, one: Marked, environment: Mapping[str, str]
) -> None:
    armed.wait()
    os.environ.update(environment)
    publish_marked(spec, one)


def _not_whole(files: RemoteFiles, name: str) -> list[object]:
    """Return what is wrong with the versions that a model lists, or that any config names."""
    state, model = read(files, name), RemoteModel(files.url, name)
    named = sorted({*state.versions, *state.served, *model.named(model.configs())})
    records = {number: record.read(files, name, number) for number in named}
    seen = replace(state, records={number: one for number, one in records.items() if one})
    found: list[object] = []
    for number in named:
        found += version_findings(files, seen, number)
    return found


def _publishes_again(spec: RemoteRepositorySpec, one: Marked) -> None:
    """Check that the next publish works, under a number that no upload had, and clears up."""
    files = RemoteFiles(spec.place)
    used = files.directories(one.name)
    version = publish_marked(spec, one).version
    state = read(files, one.name)
    assert version > max(used, default=0)
    assert state.served == (version,)
    assert files.directories(one.name) == state.versions
    assert _not_whole(files, one.name) == model_findings(files, state) == []
