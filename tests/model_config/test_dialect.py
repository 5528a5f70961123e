"""What the server's C++ parser reads, the linter reads; and nothing more."""

from __future__ import annotations

import pytest

from packager.model_config.dialect import for_python
from packager.model_config.parse import TextError, parse, read


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("max_batch_size: 0x10", 16),
        ("max_batch_size: 010", 8),
        ("max_batch_size: - 1", -1),
        ("max_batch_size:-\t1", -1),
        ("max_batch_size: 0Xffff", 65535),
        ("max_batch_size: 1 # 1_0 +1 '", 1),
        ("name: '+1 1_0 #' max_batch_size: 1", 1),
    ],
)
def test_numbers_are_read_as_in_cpp(text: str, size: int) -> None:
    """Hexadecimal, octal, and a minus that stands apart."""
    assert parse(text).max_batch_size == size


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("max_batch_size: +1", 1, 17),
        ("\n max_batch_size: 1_0", 2, 18),
        ("max_batch_size: 0b1", 1, 17),
        ("max_batch_size: 08", 1, 17),
        (r"name: '\q'", 1, 7),
        ("name: 'a", 1, 7),
        ("\u00a0name: 'a'", 1, 1),
        ("sequence_batching { direct { minimum_slot_utilization: inff } }", 1, 56),
    ],
)
def test_what_only_python_takes_is_refused(text: str, line: int, column: int) -> None:
    """With its place."""
    with pytest.raises(TextError) as caught:
        read(text)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("text", ["enable: 0x1", "a: - 1\n b: 0x10 # c", "x: '\\x41' y: 1.5e+3f"])
def test_no_character_changes_its_place(text: str) -> None:
    """Or errors would name other columns than the file's."""
    written = for_python(text)
    assert [len(line) for line in written.split("\n")] == [len(line) for line in text.split("\n")]


def test_a_number_out_of_an_enumerations_range_is_refused() -> None:
    """Protobuf raises another exception for it."""
    with pytest.raises(TextError):
        read("input { data_type: 2147483648 }")
