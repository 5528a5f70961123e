"""One stage's result, and the record that keeps it on disk with a digest of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

HEXADECIMAL = frozenset("0123456789abcdef")


class BrokenError(Exception):
    """A record, or a file that it names, is not what was stored; says how."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a stage gave.

    `inputs` is JSON: exactly what the stage read, for telling why a key changed. `value` is JSON:
    what it gave. `files` holds the sha256 of its files by name, `sizes` their bytes.
    """

    stage: str
    key: str
    inputs: Mapping[str, Any]
    value: Mapping[str, Any]
    files: Mapping[str, str]
    sizes: Mapping[str, int]


def encode(result: Result) -> bytes:
    """Return the record of a result: canonical JSON that holds its own digest."""
    content = asdict(result)
    return _canonical({"digest": _digest(content), "result": content}).encode()


def decode(record: bytes, *, stage: str, key: str) -> Result:
    """Return the result that a record holds.

    Raises:
        BrokenError: it is damaged, or of another stage or key.
    """
    try:
        content = json.loads(record)
        digest, fields = content["digest"], content["result"]
        whole = digest == _digest(fields)
        result = Result(**fields)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BrokenError("its record cannot be read") from error
    if not whole:
        raise BrokenError("its record is damaged")
    if (result.stage, result.key) != (stage, key):
        raise BrokenError(f"its record is of {result.stage} {result.key}")
    if not all(
        len(sha256) == 64 and set(sha256) <= HEXADECIMAL for sha256 in result.files.values()
    ):
        raise BrokenError("its record names a file that cannot be")
    return result


def _digest(content: object) -> str:
    return hashlib.sha256(_canonical(content).encode()).hexdigest()


def _canonical(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))
