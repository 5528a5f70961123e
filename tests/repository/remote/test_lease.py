"""Leases and claims: one holder at a time, and what becomes of the dead."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from packager.errors import UnavailableError
from packager.repository.remote import claims, lease, owner
from packager.repository.remote.claims import Claims
from packager.repository.remote.lease import leased
from packager.repository.remote.store import Store

if TYPE_CHECKING:
    from packager.repository.remote.owner import Owner

ELSEWHERE = replace(owner.current(), host="elsewhere", system="another start")


@pytest.fixture
def folder(bucket: str) -> str:
    """A prefix for one model's claims and leases."""
    return f"{bucket}/team/.models.staging/m"


def _dead() -> Owner:
    """Return a process of this host that has ended."""
    program = "import dataclasses, json; from packager.repository.remote import owner;"
    program += "print(json.dumps(dataclasses.asdict(owner.current())))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return owner.from_json(json.loads(done.stdout))


def _held_by(who: Owner, folder: str) -> None:
    content = json.dumps({**asdict(who), "released": False})
    Store("s3").write(f"{folder}/leases/7", content.encode())


def test_one_at_a_time_holds_it(folder: str) -> None:
    """Of many threads with a store each."""
    holding: list[int] = []
    most: list[int] = []

    def one(number: int) -> None:
        with leased(Store("s3"), folder):
            holding.append(number)
            most.append(len(holding))
            time.sleep(0.02)
            holding.remove(number)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(6)))
    assert most == [1] * 6


def test_a_dead_holder_of_this_host_is_known(folder: str) -> None:
    """Nobody waits for it."""
    _held_by(_dead(), folder)
    started = time.monotonic()
    with leased(Store("s3"), folder) as held:
        assert held.path.endswith("/8")
    assert time.monotonic() - started < 5


def test_a_holder_elsewhere_that_is_silent_loses_it(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time that a lease lasts, on the waiter's clock."""
    monkeypatch.setattr(lease, "LASTS_S", 1.5)
    _held_by(ELSEWHERE, folder)
    started = time.monotonic()
    with leased(Store("s3"), folder):
        assert time.monotonic() - started > 1.5


def test_a_holder_elsewhere_that_lives_is_waited_for(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And in the end the wait is given up."""
    monkeypatch.setattr(lease, "WAITS_S", 2.0)
    _held_by(ELSEWHERE, folder)
    with (
        pytest.raises(UnavailableError, match="others have been publishing"),
        leased(Store("s3"), folder),
    ):
        pass


def test_who_has_lost_the_lease_does_not_commit(folder: str) -> None:
    """Another has taken it over meanwhile."""
    with leased(Store("s3"), folder) as held:
        held.require()
        held.renew()
        _held_by(ELSEWHERE, folder)
        with pytest.raises(UnavailableError, match="right to publish has run out"):
            held.require()


def test_claims_are_never_shared(folder: str) -> None:
    """Each of many gets a number of its own."""
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: Claims(Store("s3"), folder).take((3,)), range(8)))
    assert sorted(numbers) == list(range(4, 12))


def test_what_counts_as_left_over(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead process's upload here; elsewhere one that is older than a day; never the living's."""
    store = Store("s3")
    one = Claims(store, folder)
    for number, who in ((1, owner.current()), (2, _dead()), (3, ELSEWHERE)):
        content = json.dumps({**asdict(who), "state": "uploading"})
        store.write(f"{folder}/claims/{number}", content.encode())
    now = store.modified(f"{folder}/claims/3")
    assert now is not None
    numbers = (1, 2, 3, 4)
    assert [one.is_left_over(number, now=now) for number in numbers] == [False, True, False, False]
    later = now + claims.ABANDONED + dt.timedelta(minutes=1)
    assert one.is_left_over(3, now=later)
    monkeypatch.setattr(claims, "ABANDONED", dt.timedelta(seconds=-1))
    assert one.is_left_over(3, now=now)
