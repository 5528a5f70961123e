r"""The messages in whatever a user has: a server's log, an exception, a JSON answer, a sentence.

A log's line is `E1122 09:35:52.1 5131 file.cc:642] "message"`, the message quoted with `\n`
escapes; models that failed stand in a table. Clients put `[400]` or an exception's name before.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG = re.compile(
    r"(?:^|\s)(?P<level>[IWEFV])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w./-]+:\d+\] ?(?P<message>.*)$"
)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ERROR_FIELD = re.compile(r'"error"\s*:\s*("(?:[^"\\]|\\.)*")')
_FRAME = re.compile(r"^\s*\+[-=+]+\+\s*$")
_PAIRED = ("Error parsing text-format", "failed to read text proto")
"""What belongs to the message beside it, and is told each time."""
_LOADING = ("failed to load", "UNAVAILABLE", "Poll failed", "failed to poll")


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `is_load` says whether a model's load told it, rather than a request.

    `error` is the whole entry of the log that it stands in where that is an error, else empty.
    """

    text: str
    is_load: bool
    error: str = ""


def messages(text: str) -> Iterator[Message]:
    """Yield the distinct messages of a text, in its order."""
    seen: set[str] = set()
    for found, error in _all(_ANSI.sub("", text)):
        told = found.strip()
        if told and (told not in seen or any(word in told for word in _PAIRED)):
            seen.add(told)
            yield Message(told, any(word in told for word in _LOADING), error)


def _all(text: str) -> Iterator[tuple[str, str]]:
    """Yield each message, and the entry that it stands in where that is an error."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        cells = _cells(line)
        if cells is not None:
            _add_row(rows, cells)
            continue
        if _FRAME.match(line):
            continue
        yield from map(_status, rows)
        rows.clear()
        found = _LOG.search(line.strip())
        content = _unquoted(found["message"]) if found else line
        error = content if found and found["level"] in "EF" else ""
        if "\n" in content:
            yield from ((one, error) for one, _ in _all(content))
            yield content, error
            continue
        answers = [str(_json(one)) for one in _ERROR_FIELD.findall(content)]
        yield from ((one, error) for one in answers or [content])
    yield from map(_status, rows)


def _status(row: list[str]) -> tuple[str, str]:
    return row[-1], row[-1] if row[-1].startswith("UNAVAILABLE") else ""


def _cells(line: str) -> list[str] | None:
    """Return the cells of a table's row; None for other lines."""
    stripped = line.strip()
    if not (stripped.startswith("|") and stripped.endswith("|") and len(stripped) > 1):
        return None
    *first, last = stripped[1:-1].split("|", maxsplit=2)
    return [*(cell.strip() for cell in first), last.removeprefix(" ").removesuffix(" ")]


def _add_row(rows: list[list[str]], cells: list[str]) -> None:
    """Add a row, or go on with the last one where only its last cell was wrapped."""
    if rows and cells and not any(cells[:-1]):
        # A full cell was cut within a word; one that ends with spaces, between two.
        before = rows[-1][-1]
        between = " " if before.endswith(" ") else ""
        rows[-1][-1] = f"{before.rstrip()}{between}{cells[-1]}"
    else:
        rows.append(cells)


def _unquoted(message: str) -> str:
    message = message.strip()
    if len(message) > 1 and message[0] == message[-1] == '"':
        return str(_json(message))
    return message


def _json(quoted: str) -> object:
    try:
        return json.loads(quoted)
    except ValueError:
        return quoted[1:-1].replace("\\n", "\n").replace('\\"', '"')
