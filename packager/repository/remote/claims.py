"""Version numbers, claimed by an exclusive write each, so that no two publishers share one.

Claims lie beside the root, as `<staging>/<model>/claims/<number>`, and stay for ever: a number is
never given twice, not even when its upload was interrupted or its version pruned.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass
from enum import Enum

from packager.repository.remote import owner
from packager.repository.remote.store import Store
from packager.repository.versions import VERSION

ABANDONED = dt.timedelta(hours=24)
"""How old the claim of an upload is, at least, when its owner on another host counts as dead."""


class State(Enum):
    """What has become of a claim."""

    uploading = "uploading"
    published = "published"
    removed = "removed"


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of one model; `folder` is the store's path of what is beside the root for it."""

    store: Store
    folder: str

    def numbers(self) -> tuple[int, ...]:
        """Return every number that was ever claimed, ascending."""
        names = self.store.names(f"{self.folder}/claims")
        return tuple(sorted(int(name) for name in names if VERSION.fullmatch(name)))

    def take(self, taken: tuple[int, ...]) -> int:
        """Claim the number after all that are claimed or taken."""
        number = max((*taken, *self.numbers()), default=0) + 1
        while not self.store.create(self._path(number), _content(State.uploading)):
            number += 1
        return number

    def mark(self, number: int, state: State) -> None:
        """Write down what has become of a claim."""
        self.store.write(self._path(number), _content(state))

    def is_left_over(self, number: int, *, now: dt.datetime | None) -> bool:
        """Return whether nobody works on an uncommitted version of that number any more.

        One without a claim is somebody else's. `now` is the store's time.
        """
        found = self.store.json(self._path(number))
        match found.get("state"):
            case State.removed.value:
                return True
            case State.uploading.value:
                return owner.from_json(found).is_known_dead or self._is_old(number, now)
            case _:
                return False

    def _is_old(self, number: int, now: dt.datetime | None) -> bool:
        written = self.store.modified(self._path(number))
        return now is not None and written is not None and now - written > ABANDONED

    def _path(self, number: int) -> str:
        return f"{self.folder}/claims/{number}"


def _content(state: State) -> bytes:
    told = owner.current().to_json() | {"state": state.value, "token": uuid.uuid4().hex}
    return json.dumps(told).encode()
