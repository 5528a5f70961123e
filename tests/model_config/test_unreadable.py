"""A text that is no config: what to do is said by its kind, not in general."""

from __future__ import annotations

import pytest

from packager.model_config import parse, unreadable

HEAD = 'default_model_filename: "b"\n'


def remedy(text: str) -> str:
    """Return the remedy for a text that is refused."""
    with pytest.raises(parse.TextError) as refused:
        parse.read(text)
    error = refused.value
    return unreadable.remedy(error.problem, text=text, line=error.line, column=error.column)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input { dims: [3,] }", "remove the comma before ']'"),
        ("input [ { dims: 3 }, ]", "remove the comma before ']'"),
        ("name: m", 'put the string in quotes: "m"'),
        ("input:\n  - name: x", "this is YAML"),
        ('{"name": "m"}', "this is JSON"),
        ("<<<<<<< HEAD\nmax_batch_size: 8", "keep one side of the merge"),
        ("backend: \u201connx\u201d", "write straight quotes"),
        ('name: "a"\nname: "b"', "keep one name"),
        ("dynamic_batching {}\nsequence_batching {}", "keep one of sequence_batching and"),
        ("max_batch_size: ${SIZE}", "fill in the template"),
        ("max_batch_size: {{ size }}", "fill in the template"),
        ("max_batch_size: <%= size %>", "fill in the template"),
        ("input { data_type: FP32 }", "write TYPE_FP32"),
        ('input { data_type: "TYPE_FP32" }', "write TYPE_FP32"),
        ("instance_group { kind: CPU }", "write KIND_CPU"),
        ('max_batch_size: "8"', "write the number without quotes: 8"),
        ("input { dims: [3.0] }", "write a whole number"),
        ("input { dims: [None] }", "write -1"),
        ("max_batch_size: 99999999999", "write a number that fits"),
        ("max_batch: 8", "write max_batch_size"),
        ("frobnicate: 8", "see ModelConfig"),
        ("input {", "close what is still open"),
    ],
)
def test_a_remedy_fits_the_kind_of_text(text: str, expected: str) -> None:
    """In the words of protobuf's Python parser."""
    assert remedy(text if text.startswith("{") else HEAD + text).startswith(expected)


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ('Expected integer or identifier, got: "TYPE_FP32"', "write TYPE_FP32 without quotes"),
        ('Unknown enumeration value of "FP32" for field "data_type".', "write TYPE_FP32"),
        ("Expected integer, got: {", "fill in the template"),
        ("Expected string, got: onnxruntime", 'put the string in quotes: "onnxruntime"'),
        ("Expected integer, got: ]", "remove what stands before the bracket"),
        ("Interpreting non ascii codepoint 226.", "write straight quotes"),
        ("Expected identifier, got: <", "remove the marks of a merge"),
    ],
)
def test_a_remedy_fits_the_words_of_a_log(problem: str, expected: str) -> None:
    """Of protobuf's C++ parser, without the text."""
    assert unreadable.remedy(problem, line=3, column=7).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("\ufeffname: 'm'", "UTF-8 without"), ("n\0a\0m\0e\0", "like UTF-16")]
)
def test_a_texts_encoding_is_named(text: str, expected: str) -> None:
    """It is the whole file's, not the place's."""
    assert expected in unreadable.remedy("Invalid control characters.", text=text)
