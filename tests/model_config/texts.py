"""Random `ModelConfig` messages, written in all the ways that protobuf's text format allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import text_encoding
from hypothesis import strategies as st

from packager.model_config.parse import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    Path = tuple[str | int, ...]

SPACES = (" ", "\n", "\t", "\r\n", "  # a comment: { [ \" '\n", "\n\n#\n")
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=5)


@st.composite
def configs(draw: st.DrawFn) -> Any:
    """Draw a message with a few fields of every kind."""
    message = schema().ModelConfig()
    _fill(draw, message, depth=0)
    return message


def _fill(draw: st.DrawFn, message: Any, *, depth: int) -> None:
    known = {field.name: field for field in message.DESCRIPTOR.fields}
    names = (
        draw(st.lists(st.sampled_from(list(known)), max_size=max(4 - depth, 1), unique=True))
        if known
        else []
    )
    for field in map(known.get, names):
        assert field is not None
        if is_map(field):
            for key in draw(st.lists(_scalars(field.message_type.fields_by_name["key"]))):
                _fill_entry(draw, getattr(message, field.name), key, field, depth=depth)
        elif field.message_type is not None and field.is_repeated:
            for _ in range(draw(st.integers(1, 3))):
                _fill(draw, getattr(message, field.name).add(), depth=depth + 1)
        elif field.message_type is not None:
            getattr(message, field.name).SetInParent()
            _fill(draw, getattr(message, field.name), depth=depth + 1)
        elif field.is_repeated:
            values = draw(st.lists(_scalars(field), min_size=1, max_size=3))
            getattr(message, field.name).extend(values)
        else:
            setattr(message, field.name, draw(_scalars(field)))


def _fill_entry(draw: st.DrawFn, entries: Any, key: Any, field: Any, *, depth: int) -> None:
    value = field.message_type.fields_by_name["value"]
    if value.message_type is None:
        entries[key] = draw(_scalars(value))
    else:
        _fill(draw, entries[key], depth=depth + 1)


def _scalars(field: Any) -> st.SearchStrategy[Any]:
    kind = field.cpp_type
    if kind == field.CPPTYPE_STRING:
        return TEXTS
    if kind == field.CPPTYPE_BOOL:
        return st.booleans()
    if kind == field.CPPTYPE_ENUM:
        return st.sampled_from([value.number for value in field.enum_type.values])
    if kind in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return st.floats(-10, 10, width=32)
    return st.integers(0 if "UINT" in _type_name(field) else -5, 2**31 - 1)


def _type_name(field: Any) -> str:
    names = {value: name for name, value in vars(type(field)).items() if name.startswith("CPPTYPE")}
    return str(names[field.cpp_type])


def is_map(field: Any) -> bool:
    """Return whether a field is a map: text format writes its entries as messages."""
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


@st.composite
def written(draw: st.DrawFn) -> str:
    """Draw the text of a config."""
    return Writer(draw).message(draw(configs()))


class Writer:
    """Writes a message with spaces, brackets and separators as they are drawn."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def message(self, message: Any) -> str:
        """Return the fields of a message."""
        return self._space().join(self._field(*one) for one in message.ListFields()) + self._space()

    def _field(self, field: Any, value: Any) -> str:
        if is_map(field):
            entries = [self._entry(field, key, value[key]) for key in value]
            return self._repeated(field.name, entries, messages=True)
        is_message = field.message_type is not None
        written = [self._value(field, one) for one in (value if field.is_repeated else [value])]
        if field.is_repeated:
            return self._repeated(field.name, written, messages=is_message)
        return self._one(field.name, written[0], message=is_message)

    def _repeated(self, name: str, values: list[str], *, messages: bool) -> str:
        if self._draw(st.booleans()):
            between = f"{self._space()},{self._space()}"
            colon = self._pick(":", "") if messages else ":"
            inside = between.join(values)
            return (
                f"{name}{colon}{self._space()}[{self._space()}{inside}{self._space()}]{self._end()}"
            )
        return self._space().join(self._one(name, one, message=messages) for one in values)

    def _one(self, name: str, value: str, *, message: bool) -> str:
        colon = self._pick(":", "") if message else ":"
        return f"{name}{self._pick('', ' ')}{colon}{self._space()}{value}{self._end()}"

    def _entry(self, field: Any, key: Any, value: Any) -> str:
        kinds = field.message_type.fields_by_name
        parts = [
            self._one("key", self._value(kinds["key"], key), message=False),
            self._one(
                "value",
                self._value(kinds["value"], value),
                message=kinds["value"].message_type is not None,
            ),
        ]
        return self._bracketed(self._space().join(self._draw(st.permutations(parts))))

    def _value(self, field: Any, value: Any) -> str:
        if field.message_type is not None:
            return self._bracketed(self.message(value))
        if field.cpp_type == field.CPPTYPE_STRING:
            half = len(value) // 2
            parts = [value[:half], value[half:]] if self._draw(st.booleans()) else [value]
            return self._space().join(map(self._quoted, parts))
        if field.cpp_type == field.CPPTYPE_BOOL:
            return self._pick("true", "t", "True") if value else self._pick("false", "f", "False")
        if field.cpp_type == field.CPPTYPE_ENUM:
            return str(field.enum_type.values_by_number[value].name)
        return repr(value)

    def _quoted(self, text: str) -> str:
        mark = self._pick("'", '"')
        return (
            f"{mark}{text_encoding.CEscape(text.encode(), as_utf8=self._draw(st.booleans()))}{mark}"
        )

    def _bracketed(self, inside: str) -> str:
        left = self._pick("{", "<")
        right = {"{": "}", "<": ">"}[left]
        return f"{left}{self._space()}{inside}{self._space()}{right}"

    def _space(self) -> str:
        return self._pick(*SPACES)

    def _end(self) -> str:
        return self._pick("", ",", ";", " ;")

    def _pick(self, *choices: str) -> str:
        return self._draw(st.sampled_from(choices))


def paths(message: Any, before: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """Yield every field that is set: its path, its descriptor (None for an entry), its value."""
    for field, value in message.ListFields():
        place = (*before, field.name)
        yield place, field, None
        if is_map(field):
            for key in value:
                yield (*place, key), field, None
                if field.message_type.fields_by_name["value"].message_type is not None:
                    yield from paths(value[key], (*place, key))
        elif field.is_repeated:
            for index, one in enumerate(value):
                yield (*place, index), field, one
                if field.message_type is not None:
                    yield from paths(one, (*place, index))
        elif field.message_type is not None:
            yield from paths(value, place)
