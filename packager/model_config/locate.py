"""Where in a `config.pbtxt` a field stands: the line and column of its name or value.

protobuf's parser forgets places, so this reads the text once more, by the schema. It runs only on
texts in which something was found, and takes what the parser takes; of anything else it makes what
it can.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import text_encoding

from packager.model_config.parse import schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Path = tuple[str | int, ...]
"""("input", 0, "dims", 1); a map's entry is named by its key: ("parameters", "KEY")."""

_TOKEN = re.compile(
    r"""(?:\s|\#[^\n]*)*            # space and comments
    (?P<token> "(?:[^"\\\n]|\\.)*"? # strings, also one without its end
    | '(?:[^'\\\n]|\\.)*'?
    | [0-9.](?:[\w.]|(?<=[eE])[+-])*  # numbers
    | [A-Za-z_]\w*                 # names
    | . )""",
    re.VERBOSE,
)
_CLOSING = {"{": "}", "<": ">"}


def locate(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    """Return line and column, from 1, of one field; see `Places`."""
    return Places(text).of(path)


class Places:
    """Every field of one text, by its path."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: dict[Path, int] = {}
        reader = _Reader(text, self._starts)
        reader.read_message(schema().ModelConfig.DESCRIPTOR, (), end="")

    def of(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Return line and column, from 1, of a field's name; of a list's element, its value.

        Where the text lacks the field it is its nearest ancestor, at last the text's beginning.
        """
        for length in range(len(path), 0, -1):
            start = self._starts.get(tuple(path[:length]))
            if start is not None:
                line_start = self._text.rfind("\n", 0, start) + 1
                return self._text.count("\n", 0, start) + 1, start - line_start + 1
        return 1, 1


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int


_END = _Token("", -1)


class _Reader:
    """Goes through a text's tokens, and notes where each field starts."""

    def __init__(self, text: str, starts: dict[Path, int]) -> None:
        self._tokens = _tokens(text)
        self._next = next(self._tokens, _END)
        self._starts = starts

    def read_message(self, descriptor: Any, path: Path, *, end: str) -> None:
        """Read fields up to `end`, the sign that closes the message."""
        counts: dict[str, int] = {}
        while self._next is not _END and self._next.text != end:
            self._read_field(descriptor, path, counts)
        self._take()

    def _take(self) -> _Token:
        taken, self._next = self._next, next(self._tokens, _END)
        return taken

    def _skip(self, *signs: str) -> None:
        if self._next.text in signs:
            self._take()

    def _read_field(self, descriptor: Any, path: Path, counts: dict[str, int]) -> None:
        name = self._take()
        field = descriptor.fields_by_name.get(name.text) if descriptor else None
        if name.text.isidentifier():
            self._starts.setdefault((*path, name.text), name.start)
        self._skip(":")
        place = (*path, name.text)
        is_list = field is not None and field.is_repeated
        if self._next.text == "[":
            self._take()
            while self._next is not _END and self._next.text != "]":
                self._read_value(field, place, counts, start=self._next.start)
                self._skip(",")
            self._take()
        elif is_list:
            self._read_value(field, place, counts, start=name.start)
        else:
            self._read_one(field, place)
        self._skip(",", ";")

    def _read_value(self, field: Any, place: Path, counts: dict[str, int], *, start: int) -> None:
        """Read one value of a repeated field, or one entry of a map."""
        if field is not None and _is_map(field):
            self._read_entry(field, place, start=start)
            return
        name = str(place[-1])
        index = counts.get(name, 0)
        counts[name] = index + 1
        self._starts[(*place, index)] = start
        self._read_one(field, (*place, index))

    def _read_one(self, field: Any, place: Path) -> None:
        closing = _CLOSING.get(self._next.text)
        if closing is None:
            self._read_scalar()
            return
        self._take()
        self.read_message(field.message_type if field is not None else None, place, end=closing)

    def _read_scalar(self) -> str:
        """Read a number, a name, or strings that follow each other; return its text."""
        sign = self._take().text if self._next.text == "-" else ""
        text = sign + self._take().text
        while text[:1] in ("'", '"') and self._next.text[:1] in ("'", '"'):
            text += self._take().text
        return text

    def _read_entry(self, field: Any, place: Path, *, start: int) -> None:
        """Read `{ key: ..., value: ... }`; the value's own fields belong to the entry itself."""
        closing = _CLOSING.get(self._next.text)
        if closing is None:
            self._read_scalar()
            return
        self._take()
        starts, self._starts = self._starts, {}
        value = field.message_type.fields_by_name["value"].message_type
        key: str | int = "" if _has_text_keys(field) else 0
        counts: dict[str, int] = {}
        while self._next is not _END and self._next.text != closing:
            if self._next.text == "key":
                self._take()
                self._skip(":")
                key = _key(self._read_scalar(), text=_has_text_keys(field))
                self._skip(",", ";")
            elif self._next.text == "value" and value is not None:
                self._take()
                self._skip(":")
                self._read_one(field.message_type.fields_by_name["value"], ())
                self._skip(",", ";")
            else:
                self._read_field(field.message_type, (), counts)
        self._take()
        inside, self._starts = self._starts, starts
        # The last entry of a key is the one that holds.
        if (*place, key) in starts:
            for stale in [known for known in starts if known[: len(place) + 1] == (*place, key)]:
                del starts[stale]
        starts[(*place, key)] = start
        starts |= {(*place, key, *rest): offset for rest, offset in inside.items()}


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        yield _Token(found["token"], found.start("token"))


def _is_map(field: Any) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def _has_text_keys(field: Any) -> bool:
    return bool(field.message_type.fields_by_name["key"].cpp_type == field.CPPTYPE_STRING)


def _key(token: str, *, text: bool) -> str | int:
    """Return a map key as the parser reads it: adjacent strings are one, numbers have a base."""
    if not text:
        try:
            return int(token, 0)
        except ValueError:
            return 0
    strings = re.findall(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', token)
    try:
        return b"".join(text_encoding.CUnescape(one[1:-1]) for one in strings).decode()
    except ValueError:
        return ""
