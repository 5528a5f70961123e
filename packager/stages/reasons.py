"""Why a stage would run: how what it reads differs from what it read for a published version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST = 4
"""Differences that are told of one stage; of more only their number."""

PREFIXES = {
    "reads.": "",
    "code.": "source ",
    "libraries.": "library ",
    "host.": "host's ",
}
"""What the parts of a stage's inputs are called."""

DIGESTS = 40
"""A text of hexadecimal digits from this length on is a digest: it is not shown."""


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return one phrase for each input of a stage that changed: `trainer.epochs 3 -> 5`."""
    ours, theirs = dict(_leaves(before, "")), dict(_leaves(after, ""))
    return [
        _phrase(path, ours.get(path, _ABSENT), theirs.get(path, _ABSENT))
        for path in sorted(ours.keys() | theirs.keys())
        if ours.get(path, _ABSENT) != theirs.get(path, _ABSENT)
    ]


def told(found: list[str]) -> str:
    """Return the first changes in one line, and how many more there are."""
    more = len(found) - MOST
    return ", ".join(found[:MOST]) + (f" and {more} more" if more > 0 else "")


class _Absent:
    def __repr__(self) -> str:
        return "absent"


_ABSENT = _Absent()


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    """Yield every value that is neither object nor list, with its path."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def _phrase(path: str, before: object, after: object) -> str:
    for prefix, word in PREFIXES.items():
        if path.startswith(prefix):
            path = word + path.removeprefix(prefix)
            break
    if path.startswith("source ") or _is_digest(before) or _is_digest(after):
        word = "is new" if before is _ABSENT else "is gone" if after is _ABSENT else "changed"
        return f"{path} {word}"
    return f"{path} {_shown(before)} -> {_shown(after)}"


def _shown(value: object) -> str:
    text = "null" if value is None else str(value)
    return text.lower() if isinstance(value, bool) else text


def _is_digest(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) >= DIGESTS
        and all(digit in "0123456789abcdef" for digit in value)
    )
