"""What torch and users' code say when they fail, in one line."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

import torch

LIBRARIES = (Path(torch.__file__).parent, Path(__file__).parents[1])
"""Whose lines say nothing to a user: torch's and ours."""

SOURCE_LINE = re.compile(r'File "([^"]+)", line (\d+)')


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type where it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0].rstrip(":.")


def compiler_said(error: BaseException) -> str:
    """Return the first line of what TorchScript's compiler says, and the line it says it of."""
    said = first_line(error)
    place = SOURCE_LINE.search(str(error))
    return f"{said} ({place[1]}:{place[2]})" if place else said


def with_place(error: BaseException) -> str:
    """Return an error's type, its message and the user's own line that it comes from."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({error.filename}:{error.lineno})"
    said = first_line(error)
    kind = type(error).__name__
    told = kind if said == kind else f"{kind}: {said}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<")
        and not any(Path(frame.filename).is_relative_to(folder) for folder in LIBRARIES)
    ]
    return f"{told} ({frames[-1].filename}:{frames[-1].lineno})" if frames else told
