"""A process that uses a cache as a build does, as fast as it can: `hammer.py ROOT SEED SECONDS`.

It fails on a wrong result, and on anything that the cache has to warn of.
"""

from __future__ import annotations

import hashlib
import logging
import random
import sys
import time
from pathlib import Path

from packager.cache.store import LostError, Store

KEYS = 24
MOST_BYTES = 300_000
"""Of the content of all keys, about a third."""


def content(number: int) -> bytes:
    """Return what the stage of a number gives; neighbours give the same."""
    return hashlib.sha256(str(number // 2).encode()).digest() * (1 + 97 * number)


def key(number: int) -> str:
    """Return the key of a number."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def use(store: Store, number: int) -> None:
    """Take a result from the cache, or make it, and see that it is right."""
    found = store.find("train", key(number))
    if found is None:
        with store.producing("train", key(number)):
            found = store.find("train", key(number))
            if found is None:
                found = store.put(
                    "train",
                    key(number),
                    inputs={"number": number},
                    value={"number": number},
                    files={"model.pt": content(number), "small": b"the same of all"},
                )
    if found.value != {"number": number}:
        sys.exit(f"{number}: {found.value}")
    try:
        read = store.read(found, "model.pt")
    except LostError:
        return  # another process made room
    if read != content(number):
        sys.exit(f"{number}: wrong content")


def main(root: str, seed: str, seconds: str) -> None:
    """Use random results until time is up, each through a store of its own."""
    logging.basicConfig(level=logging.WARNING)
    chosen = random.Random(int(seed))  # noqa: S311
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        use(Store(Path(root), max_bytes=MOST_BYTES), chosen.randrange(KEYS))


if __name__ == "__main__":
    main(*sys.argv[1:])
