"""Places: each field of a text is found where it stands, however the text is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packager.model_config.locate import Places, locate
from packager.model_config.parse import TextError, read
from tests.model_config import texts

if TYPE_CHECKING:
    from google.protobuf.message import Message

NO_FIELD = (
    'Message type "inference.ModelConfig" has no field named "max_batchsize".'
    " Did you mean max_batch_size?"
)
TEXT = """\
name: "m" # the name: { "is" a comment
max_batch_size : 8;
input [
  { name: "a", data_type: TYPE_FP32 dims: [ 3, -1 ] },
  < name: 'b' dims: 4 dims: - 5 >
]
parameters { key: "A" "B" value { string_value: "1" } }
parameters: [{ value: { string_value: "{" } key: 'C' }]
dynamic_batching {
  priority_levels: 3
  priority_queue_policy { key: 0x3 value { timeout_action: DELAY } }
}
model_warmup { inputs { key: "x" value { dims: [1] } } }
output { name: "y" }
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("name",), (1, 1)),
        (("max_batch_size",), (2, 1)),
        (("input",), (3, 1)),
        (("input", 0), (4, 3)),
        (("input", 0, "data_type"), (4, 16)),
        (("input", 0, "dims"), (4, 37)),
        (("input", 0, "dims", 1), (4, 48)),
        (("input", 1), (5, 3)),
        (("input", 1, "dims", 0), (5, 15)),
        (("input", 1, "dims", 1), (5, 23)),
        (("parameters", "AB"), (7, 1)),
        (("parameters", "AB", "string_value"), (7, 35)),
        (("parameters", "C"), (8, 14)),
        (("dynamic_batching", "priority_queue_policy", 3, "timeout_action"), (11, 44)),
        (("model_warmup", 0, "inputs", "x", "dims"), (13, 42)),
        (("output", 0, "name"), (14, 10)),
    ],
)
def test_a_field_is_where_it_stands(path: tuple[str | int, ...], place: tuple[int, int]) -> None:
    """Names for fields, values for a list's elements, both from 1."""
    assert locate(TEXT, path) == place


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("input", 0, "reshape", "shape", 0), (4, 3)),
        (("input", 7, "name"), (3, 1)),
        (("dynamic_batching", "preferred_batch_size", 2), (9, 1)),
        (("parameters", "missing"), (7, 1)),
        (("instance_group", 0), (1, 1)),
        ((), (1, 1)),
    ],
)
def test_a_missing_field_is_at_its_nearest_ancestor(
    path: tuple[str | int, ...], place: tuple[int, int]
) -> None:
    """At last at the text's beginning."""
    assert locate(TEXT, path) == place


def test_the_last_entry_of_a_key_holds() -> None:
    """As it does for the parser."""
    text = 'parameters { key: "k" value { string_value: "1" } }\nparameters { key: "k" }'
    assert locate(text, ("parameters", "k")) == (2, 1)
    assert locate(text, ("parameters", "k", "string_value")) == (2, 1)


@given(texts.written())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_field_that_the_parser_sets_is_found(text: str) -> None:
    """The token there is the field's name, or the element's value."""
    parsed = read(text)
    places = Places(text)
    lines = text.split("\n")
    for path, field, value in texts.paths(parsed):
        line, column = places.of(path)
        token = lines[line - 1][column - 1 :]
        if token.startswith(field.name):
            continue
        assert isinstance(path[-1], int) or texts.is_map(field), (path, token)
        if field.message_type is not None:
            assert token[0] in "{<"
        else:
            assert _reads_as(field.name, token, value)


def _reads_as(name: str, token: str, value: object) -> bool:
    """Return whether a token begins with the value."""
    if isinstance(value, str):
        return token[0] in "'\""
    if isinstance(value, bool):
        return token[0].lower() == str(value)[0].lower()
    if isinstance(value, int) and token[0].isalpha():
        return True  # an enum's name
    del name
    return token.startswith(repr(value)[:3])


@given(st.text(st.sampled_from("{}<>[]:;,'\"\\#\n -_ax0.9input dims name"), max_size=60))
@settings(max_examples=300)
def test_no_text_makes_it_fail(text: str) -> None:
    """Also one that is no config at all."""
    line, column = Places(text).of(("input", 0, "dims", 0))
    assert line >= 1
    assert column >= 1


@given(texts.configs(), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_texts_that_protobuf_writes_are_understood(
    message: Message, one_line: bool, pointed: bool
) -> None:
    """Whatever its options."""
    text = text_format.MessageToString(
        message, as_one_line=one_line, pointy_brackets=pointed, use_short_repeated_primitives=True
    )
    places = Places(text)
    for path, field, _ in texts.paths(read(text)):
        line, column = places.of(path)
        token = text.split("\n")[line - 1][column - 1 :]
        named = token.startswith(field.name)
        assert named or isinstance(path[-1], int)


@pytest.mark.parametrize(
    ("text", "line", "column", "problem"),
    [
        (
            "max_batchsize: 1",
            *(1, 1),
            NO_FIELD,
        ),
        (
            "input {\n  data_type: FP32\n}",
            *(2, 14),
            'Unknown enumeration value of "FP32" for field "data_type". Did you mean TYPE_FP32?',
        ),
        (
            'name: "a"\nname: "b"',
            *(2, 7),
            'Non-repeated field "name" is specified multiple times.',
        ),
        ("input [ { } { } ]", 1, 13, 'Expected ",".'),
    ],
)
def test_a_parse_error_has_its_place_in_the_servers_terms(
    text: str, line: int, column: int, problem: str
) -> None:
    """With what was probably meant."""
    with pytest.raises(TextError) as caught:
        read(text)
    error = caught.value
    assert (error.line, error.column, error.problem) == (line, column, problem)
