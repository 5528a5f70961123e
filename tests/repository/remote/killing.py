"""Publishers as processes, killed at the pieces of what they send, and what is visible then."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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


@dataclass(slots=True)
class Seen:
    """How many uploads were killed, at how many different pieces, and what was wrong then."""

    kills: int = 0
    pieces: int = 0
    half_versions: int = 0
    lost_versions: int = 0


def killed_at_its_pieces(spec: RemoteRepositorySpec, port: int, *, step: int) -> Seen:
    """Kill publishers of an old model, of one with hosts and of new ones, at every `step`th piece.

    Every sixth time, and at the end, somebody publishes undisturbed.
    """
    files, seen = RemoteFiles(spec.place), Seen()
    with Cutting(port).running() as proxy:
        for one in (PLAIN, HOSTED):
            publish_marked(spec, one)
        assert not _killed(spec, HOSTED, proxy, at=0)
        seen.pieces = proxy.pieces
        for turn, at in enumerate(range(1, seen.pieces + 1, step)):
            one = (HOSTED, PLAIN, replace(PLAIN, name=f"new-{at}"))[turn % 3]
            before = files.versions(one.name)
            seen.kills += _killed(spec, one, proxy, at=at, cut=list(Cut)[turn // 3 % 3])
            seen.half_versions += len(_not_whole(files, one.name))
            seen.lost_versions += len(set(before) - set(files.versions(one.name)))
            if turn % 6 == 5:
                _publishes_again(spec, one)
    for one in (PLAIN, HOSTED):
        _publishes_again(spec, one)
    return seen


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
