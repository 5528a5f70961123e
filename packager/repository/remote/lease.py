"""One writer at a time for a model's configs, on whatever machine: a lease that can run out.

Leases are numbered objects, `<staging>/<model>/leases/<number>`, of which the highest holds. Each
is taken by an exclusive write of the next number, so two can never take over the same one. A holder
that died elsewhere is known by its lease's not changing for a minute on the waiter's own clock:
clocks of machines are never compared.
"""

from __future__ import annotations

import contextlib
import json
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packager.errors import UnavailableError
from packager.repository.remote import owner
from packager.repository.remote.store import Store
from packager.repository.versions import VERSION

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

LASTS_S = 60.0
"""How long a lease holds that is not renewed."""

WAITS_S = 600.0
POLL_S = 0.5
"""How long a waiter sleeps between two looks, at the median."""


@dataclass(slots=True)
class Lease:
    """The right to write a model's configs."""

    store: Store
    path: str
    renewed_s: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> dt.datetime | None:
        """The store's time when the lease was last written."""
        return self.store.modified(self.path)

    def renew(self) -> None:
        """Hold it from now on again.

        Raises:
            UnavailableError: it has run out; another may hold it.
        """
        self.require()
        self.store.write(self.path, _content(released=False))
        self.renewed_s = time.monotonic()

    def require(self) -> None:
        """Check that it holds, with half of its time left for the write that depends on it.

        Raises:
            UnavailableError: it has run out; another may hold it.
        """
        folder, _, name = self.path.rpartition("/")
        late = time.monotonic() - self.renewed_s > LASTS_S / 2
        if late or _highest(self.store, folder) != int(name):
            raise UnavailableError(
                "the store is so slow that the right to publish has run out",
                where="repository.path",
                remedy="build again",
            )


@contextlib.contextmanager
def leased(store: Store, folder: str) -> Iterator[Lease]:
    """Hold the lease of the model whose claims and leases lie in `folder`.

    Raises:
        UnavailableError: others have held it for ten minutes.
    """
    lease = _take(store, f"{folder}/leases")
    try:
        yield lease
    finally:
        # Where the store fails, the lease runs out by itself.
        with contextlib.suppress(Exception):
            store.write(lease.path, _content(released=True))


def _take(store: Store, folder: str) -> Lease:
    deadline_s = time.monotonic() + WAITS_S
    seen, since_s = "", time.monotonic()
    while time.monotonic() < deadline_s:
        highest = _highest(store, folder)
        state = store.read(f"{folder}/{highest}")
        if (current := f"{highest} {state!r}") != seen:
            seen, since_s = current, time.monotonic()
        if _is_free(state) or time.monotonic() - since_s > LASTS_S:
            lease = _try(store, folder, highest + 1)
            if lease is not None:
                return lease
        else:
            time.sleep(POLL_S * random.uniform(0.5, 1.5))  # noqa: S311  only to spread them
    raise UnavailableError(
        "others have been publishing this model for ten minutes",
        where="repository.path",
        remedy="build again later",
    )


def _try(store: Store, folder: str, number: int) -> Lease | None:
    """Take the lease of this number, unless another has it or a later one."""
    lease = Lease(store, f"{folder}/{number}")
    if not store.create(lease.path, _content(released=False)):
        return None
    if _highest(store, folder) > number:  # ours had been taken, released and removed before
        store.remove([lease.path])
        return None
    store.remove(f"{folder}/{old}" for old in _numbers(store, folder) if old < number)
    return lease


def _numbers(store: Store, folder: str) -> list[int]:
    return sorted(int(name) for name in store.names(folder) if VERSION.fullmatch(name))


def _highest(store: Store, folder: str) -> int:
    return max(_numbers(store, folder), default=0)


def _is_free(state: bytes | None) -> bool:
    """Return whether nobody holds the lease, as far as its content tells."""
    if state is None:
        return True
    try:
        found = json.loads(state)
    except ValueError:
        return False
    return bool(found.get("released")) or owner.from_json(found).is_known_dead


def _content(*, released: bool) -> bytes:
    told = owner.current().to_json() | {"released": released, "token": uuid.uuid4().hex}
    return json.dumps(told).encode()
