r"""Reading Triton's log: why a model did not load, and whether a port was taken.

A line is `E1122 09:35:52.1 5131 file.cc:642] "message"`, the message quoted with `\n` escapes.
"""

from __future__ import annotations

import json
import os
import re
from typing import IO

_LINE = re.compile(r'^[IWEF]\d{4} [^\]]*\] (?P<message>".*")\s*$')
_PROTOBUF_ERROR = re.compile(r"^\[libprotobuf ERROR [^\]]*\] (?P<message>.*)$")
_PYTHON_WRAPPING = re.compile(r"^Internal: (TritonModelException: )?")
_PYTHON_TRACE = re.compile(r"\n+At:\n.*", re.DOTALL)
UNREADABLE = "failed to read text proto"
"""What Triton says of a config that protobuf does not read; protobuf's line before it says why."""
_PORT_TAKEN = ("already in use", "port is already allocated")


class LogFile:
    """The growing log of one server, read without moving the writer's place in it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._descriptor = file.fileno()

    def text(self) -> str:
        """Everything written so far."""
        return self.after(0).decode("utf-8", "replace")

    def after(self, position: int) -> bytes:
        """What was written after so many bytes."""
        size = os.fstat(self._descriptor).st_size
        return os.pread(self._descriptor, max(0, size - position), position)

    def tail(self, lines: int) -> str:
        """The last lines."""
        return "\n".join(self.text().splitlines()[-lines:])


def port_was_taken(log: str) -> bool:
    """Whether the server ended because somebody else listens on one of its ports."""
    return any(text in log for text in _PORT_TAKEN)


def failure_reason(log: str, model: str) -> str | None:
    """The reason of the last failed load of `model`, None if a later load succeeded."""
    failed = _failure_pattern(re.escape(model))
    loaded = f"successfully loaded '{model}'"
    reason = parse_error = None
    for line in log.splitlines():
        if broken := protobuf_error(line):
            parse_error = broken
            continue
        text = message(line)
        if text == loaded:
            reason = None
        elif found := failed.match(text):
            reason = _plain(found["reason"])
            if reason.startswith(UNREADABLE) and parse_error:
                reason = f"{reason}: {parse_error}"
    return reason


def failure(text: str) -> tuple[str, str] | None:
    """The model, with its version where it is told, and why it failed; None of other messages."""
    found = _ANY_FAILURE.match(text)
    if not found:
        return None
    version = f" {found['version']}" if found["version"] else ""
    return found["model"] + version, _plain(found["reason"])


def protobuf_error(line: str) -> str | None:
    """What protobuf's own line says of a text that it does not read; None of other lines."""
    found = _PROTOBUF_ERROR.match(line)
    return found["message"] if found else None


def last_error(log: str) -> str:
    """The last error message of a server that ended, else its last line."""
    errors = [message(line) for line in log.splitlines() if line.startswith("E")]
    errors = [error for error in errors if error]
    lines = log.strip().splitlines() or ["it wrote no log"]
    return (errors or lines)[-1].strip()


def _failure_pattern(model: str) -> re.Pattern[str]:
    return re.compile(
        r"(?:failed to (?:load|load model|poll model)|Poll failed for model directory) "
        rf"'(?P<model>{model})'(?: version (?P<version>\d+))?: (?P<reason>.*)",
        re.DOTALL,
    )


def message(line: str) -> str:
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


_ANY_FAILURE = _failure_pattern("[^']*")
