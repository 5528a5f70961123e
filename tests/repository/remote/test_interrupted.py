"""Publishers killed in the middle of what they send: nothing half is ever visible."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from packager.errors import UnavailableError

from . import s3
from .cutting import Cut, Cutting
from .killing import PLAIN, killed_at_its_pieces
from .models import publish_marked

if TYPE_CHECKING:
    from packager.spec.recipe import RemoteRepositorySpec


def test_killed_in_the_middle_of_what_it_sends(
    repository: RemoteRepositorySpec, server: s3.S3, figures: dict[str, float]
) -> None:
    """Every version that is named is whole and none is lost; `bench/remote.py` kills at each piece.

    The next publisher gets another number, and what was left over is gone then.
    """
    seen = killed_at_its_pieces(repository, server.port, step=3)
    figures |= {"uploads killed": seen.kills, "half-published versions seen": seen.half_versions}
    assert seen.kills > 10
    assert (seen.half_versions, seen.lost_versions) == (0, 0)


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
