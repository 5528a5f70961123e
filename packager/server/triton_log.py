r"""Reading Triton's log: why a model did not load, and whether a port was taken.

A line is `E1122 09:35:52.1 5131 file.cc:642] "message"`, the message quoted with `\n` escapes.
"""

from __future__ import annotations

import json
import os
import re
from typing import BinaryIO

_LINE = re.compile(r'^[IWEF]\d{4} [^\]]*\] (?P<message>".*")\s*$')
_PROTOBUF_ERROR = re.compile(r"^\[libprotobuf ERROR [^\]]*\] (?P<message>.*)$")
_PYTHON_WRAPPING = re.compile(r"^Internal: (TritonModelException: )?")
_PYTHON_TRACE = re.compile(r"\n+At:\n.*", re.DOTALL)
_PORT_TAKEN = ("already in use", "port is already allocated")


class LogFile:
    """The growing log of one server, read without moving the writer's place in it."""

    def __init__(self, file: BinaryIO) -> None:
        self._descriptor = file.fileno()

    def text(self) -> str:
        """Everything written so far."""
        size = os.fstat(self._descriptor).st_size
        return os.pread(self._descriptor, size, 0).decode("utf-8", "replace")

    def tail(self, lines: int) -> str:
        """The last lines."""
        return "\n".join(self.text().splitlines()[-lines:])


def port_was_taken(log: str) -> bool:
    """Whether the server ended because somebody else listens on one of its ports."""
    return any(text in log for text in _PORT_TAKEN)


def failure_reason(log: str, model: str) -> str | None:
    """The reason of the last failed load of `model`, None if a later load succeeded."""
    failed = _failure_pattern(model)
    loaded = f"successfully loaded '{model}'"
    reason = parse_error = None
    for line in log.splitlines():
        if broken := _PROTOBUF_ERROR.match(line):
            parse_error = broken["message"]
            continue
        message = _message(line)
        if message == loaded:
            reason = None
        elif failure := failed.match(message):
            reason = _plain(failure["reason"])
            if reason.startswith("failed to read text proto") and parse_error:
                reason = f"{reason}: {parse_error}"
    return reason


def last_error(log: str) -> str:
    """The last error message of a server that ended, else its last line."""
    errors = [_message(line) for line in log.splitlines() if line.startswith("E")]
    errors = [error for error in errors if error]
    lines = log.strip().splitlines() or ["it wrote no log"]
    return (errors or lines)[-1].strip()


def _failure_pattern(model: str) -> re.Pattern[str]:
    name = re.escape(f"'{model}'")
    beginnings = (
        rf"failed to load {name} version \d+",
        rf"failed to load model {name}",
        rf"failed to poll model {name}",
        rf"Poll failed for model directory {name}",
    )
    return re.compile(rf"(?:{'|'.join(beginnings)}): (?P<reason>.*)", re.DOTALL)


def _message(line: str) -> str:
    """A log line's message without quotes and escapes; empty for other lines."""
    found = _LINE.match(line)
    if not found:
        return ""
    try:
        return str(json.loads(found["message"]))
    except ValueError:
        return found["message"][1:-1]


def _plain(reason: str) -> str:
    """The reason without what the Python stub wraps around it."""
    return _PYTHON_TRACE.sub("", _PYTHON_WRAPPING.sub("", reason)).strip()
