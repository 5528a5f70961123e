"""Where protobuf's Python parser reads a text otherwise than its C++ parser, which Triton uses.

What only Python takes is refused, and what only C++ takes is written so that Python takes it,
every line as long as before. Not followed: strings that are no UTF-8, which C++ takes.
Source: protobuf, src/google/protobuf/io/tokenizer.cc, text_format.cc.
"""

from __future__ import annotations

import re

_STRING = (
    r"""\\(?:[abfnrtv\\?'"]|[0-7]{1,3}|x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{4}|U00[01][0-9A-Fa-f]{5})"""
)
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\r\n\v\f]+|\#[^\n]*)
    |(?P<string>"(?:[^"\\\n]|{_STRING})*"|'(?:[^'\\\n]|{_STRING})*')
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>0[xX][0-9A-Fa-f]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?[fF]?)
    |(?P<minus>-[ \t]*)
    |(?P<quote>["'])
    |(?P<plus>\+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_MAY_DIFFER = re.compile(
    r"[+\\]|[^\x00-\x7f]|(?<![\w.])0[0-9xbo]|[0-9]_|-[ \t]|inff|infinityf", re.IGNORECASE
)
_FLOATS = frozenset({"minimum_slot_utilization", "fp32_false_true", "buckets"})
_NOT_INFINITE = frozenset({"inff", "infinityf"})
_PROBLEMS = {
    "quote": "Invalid escape sequence in string literal, or string without end.",
    "plus": "Numbers have no + before them.",
}


class DialectError(ValueError):
    """What C++ refuses in a text, and at which character."""

    def __init__(self, problem: str, at: int) -> None:
        super().__init__(problem, at)
        self.problem = problem
        self.at = at


def for_python(text: str) -> str:
    """Return the text as Python's parser reads what C++ reads in the original.

    Raises:
        DialectError: C++ refuses what Python takes.
    """
    if not _MAY_DIFFER.search(text):  # as nearly always, and much faster
        return text
    parts: list[str] = []
    field = ""
    for token in _TOKEN.finditer(text):
        kind, found = token.lastgroup or "", token[0]
        field = found if kind == "word" else field
        problem = _problem(kind, found, text[token.end() : token.end() + 1])
        if problem:
            raise DialectError(problem, token.start())
        parts.append(_rewritten(kind, found, field))
    return "".join(parts)


def _problem(kind: str, found: str, after: str) -> str:
    """Return why C++ does not take a token; empty where it does, or Python refuses it too."""
    if kind == "number":
        return _problem_of_number(found, after)
    if kind == "word" and found.lower() in _NOT_INFINITE:
        return f"Expected double, got: {found}"
    if kind == "other" and not found.isascii():
        return f"Interpreting non ascii codepoint {ord(found)}."
    return _PROBLEMS.get(kind, "")


def _problem_of_number(found: str, after: str) -> str:
    if after == "_" or after.isalnum():
        return "Need space between number and identifier."
    if re.fullmatch("0[0-9]+", found) and not re.fullmatch("[0-7]+", found):
        return "Numbers starting with leading zero must be in octal."
    return ""


def _rewritten(kind: str, found: str, field: str) -> str:
    """Return a token as Python takes it: - beside its number, small numbers in decimal."""
    if kind == "minus":
        return found[1:] + "-"
    if kind == "number" and field not in _FLOATS and re.fullmatch("0([xX].+|[0-9]+)", found):
        plain = str(int(found, 16 if found[1] in "xX" else 8))
        return plain.ljust(len(found)) if len(plain) <= len(found) else found
    return found
