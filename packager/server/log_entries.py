"""The entries of Triton's log, one by one as they come: when, how grave, and what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from packager.server import triton_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.server.running import Server

_HEAD = re.compile(r"^(?P<level>[IWEF])(?P<day>\d{4}) (?P<time>\d\d:\d\d:\d\d)\.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry; `level` is Triton's letter: I, W, E or F. `time` is this host's."""

    time: datetime
    level: str
    message: str


class LogReader:
    """Reads on in a running server's log; a line that is not finished waits for its end."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._position = 0

    def new(self) -> Iterator[Entry]:
        """Yield the entries since the last call; what protobuf says goes with the next one."""
        content = self._server.log_from(self._position)
        whole = content[: content.rfind(b"\n") + 1]
        self._position += len(whole)
        parse_error = None
        for line in whole.decode("utf-8", "replace").splitlines():
            parse_error = triton_log.protobuf_error(line) or parse_error
            entry = _entry(line)
            if entry and parse_error and triton_log.UNREADABLE in entry.message:
                entry = Entry(
                    time=entry.time, level=entry.level, message=f"{entry.message}: {parse_error}"
                )
                parse_error = None
            if entry:
                yield entry


def _entry(line: str) -> Entry | None:
    head, message = _HEAD.match(line), triton_log.message(line)
    if not head or not message:
        return None
    now = datetime.now(UTC)
    try:
        # Triton writes UTC, and no year.
        time = datetime.strptime(f"{now.year}{head['day']} {head['time']}Z", "%Y%m%d %H:%M:%S%z")
    except ValueError:
        time = now
    return Entry(time=time.astimezone(), level=head["level"], message=message)
