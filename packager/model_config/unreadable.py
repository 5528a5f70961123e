"""What to do about a text that is no `ModelConfig`: the kinds of it that people write.

`problem` is in the words of protobuf's Python parser, or of its C++ parser in a server's log; there
the text itself is not at hand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ANY = "see ModelConfig in Triton's model_config.proto for the fields there are"
VARIABLE = re.compile(r"{{.*?}}|{%.*?%}|<%.*?%>|\$\{.*?}|\$[A-Z_]+")

_MERGE = re.compile(r"<{7}|={7}|>{7}")
_FOUND = r"(?:Couldn't parse integer: |Expected integer(?: or identifier)?, got: )"
_QUOTED_NUMBER = re.compile(rf"""{_FOUND}["'](?P<value>-?\d+)["']""")
_DECIMAL = re.compile(rf"{_FOUND}(?P<value>-?\d*\.\d*)")
_NOTHING = re.compile(rf"{_FOUND}(?:None|null|nil|batch\w*|N)\b", re.IGNORECASE)
_STRING = re.compile(r"Expected string(?: but found|, got): '?(?P<value>[\w./-]+)'?")
_QUOTED_VALUE = re.compile(
    r"""(?:enumeration value of "|integer or identifier, got: )["'](?P<value>[A-Z]\w*)["']"""
)
_MEANT = re.compile(r"Did you mean (?P<value>\w+)\?")
_TYPE = re.compile(r'Unknown enumeration value of "(?P<value>\w+)" for field "(?P<field>\w+)"')
_TWICE = re.compile(r'Non-repeated field "(?P<value>\w+)" is specified multiple times')
_BOTH = re.compile(r'Field "(?P<one>\w+)" is specified along with field "(?P<other>\w+)"')
_CLOSED = re.compile(r"(?:: |got:? )'?[\]}]")
_PREFIXES = {"data_type": "TYPE", "kind": "KIND", "format": "FORMAT"}


def remedy(problem: str, *, text: str = "", line: int = 1, column: int = 1) -> str:
    """Return what to do about a text that is refused at this place, from 1; `text` may be empty."""
    found = next(_of_text(text, line, column), None) if text else None
    return found or next(_of_problem(problem, line, column), ANY)


def _of_text(text: str, line: int, column: int) -> Iterator[str]:
    lines = text.split("\n")
    shown = lines[line - 1] if line <= len(lines) else ""
    if text.startswith("\ufeff"):
        yield "save it as UTF-8 without a byte order mark"
    if "\0" in text:
        yield "save it as UTF-8: it looks like UTF-16"
    if _MERGE.match(shown):
        yield "keep one side of the merge, and remove its marks"
    if VARIABLE.search(shown):
        yield "fill in the template before the server reads it"
    if text.lstrip().startswith("{"):
        yield "this is JSON: write fields without the outer braces, and their names without quotes"
    if re.search("[\u2018\u2019\u201c\u201d]", shown):
        yield "write straight quotes (\") instead of the word processor's"
    before = "\n".join((*lines[: line - 1], shown[: column - 1])).rstrip()
    if before.endswith(",") and shown[column - 1 : column] in ("]", "}"):
        yield f"remove the comma before '{shown[column - 1]}'"
    if shown.lstrip().startswith("- "):
        yield "this is YAML: write a list as input [ { name: ... }, { name: ... } ]"


def _of_problem(problem: str, line: int, column: int) -> Iterator[str]:
    if found := _BOTH.search(problem):
        yield f"keep one of {found['one']} and {found['other']}"
    if found := _TWICE.search(problem):
        yield f"keep one {found['value']}"
    if found := _QUOTED_NUMBER.search(problem):
        yield f"write the number without quotes: {found['value']}"
    if found := _QUOTED_VALUE.search(problem):
        yield f"write {found['value']} without quotes"
    if found := _MEANT.search(problem):
        yield f"write {found['value']}"
    if found := _TYPE.search(problem):
        prefix = _PREFIXES.get(found["field"])
        yield f"write {prefix}_{found['value'].upper()}" if prefix else ANY
    if found := _STRING.search(problem):
        yield f'put the string in quotes: "{found["value"]}"'
    yield from _of_number(problem)
    yield from _of_character(problem, line, column)


def _of_number(problem: str) -> Iterator[str]:
    if _NOTHING.search(problem):
        yield "write -1 for a size that varies"
    if _DECIMAL.search(problem):
        yield "write a whole number"
    if "out of range" in problem:
        yield "write a number that fits into the field (an int32 ends at 2147483647)"


def _of_character(problem: str, line: int, column: int) -> Iterator[str]:
    if "codepoint 239" in problem and (line, column) == (1, 1):
        yield "save it as UTF-8 without a byte order mark"
    if "codepoint 226" in problem:
        yield "write straight quotes (\") instead of the word processor's"
    if problem.endswith((": <", "got <.")):
        yield "remove the marks of a merge, or fill in the template"
    if (line, column) == (1, 1) and problem.rstrip(".").endswith("{"):
        yield "this is JSON: write fields without the outer braces, and their names without quotes"
    if problem.rstrip(".").endswith((": {", ": $")):
        yield "fill in the template before the server reads it"
    if _CLOSED.search(problem):
        yield "remove what stands before the bracket: a comma, or a field without a value"
    if problem in ('Expected "}".', 'Expected ">".', 'Expected ",".', 'Expected "]".'):
        yield "close what is still open before this place, or write what is missing there"
