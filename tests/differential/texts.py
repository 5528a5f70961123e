"""Strategies of texts: what the server's C++ parser and protobuf's Python parser may read apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.differential.draft import Draft

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

# fmt: off
INTEGERS = st.sampled_from([
    "1", "0x10", "0X1f", "010", "0", "00", "- 2", "-1", "+1", "1_000", "0b11", "0o17", "09",
    "1.0", "1e2", "1f", "1u", "1 2", "'1'", "true", "2147483647", "2147483648", "0x7fffffff",
    "-2147483648", "-2147483649", "99999999999999999999", "0xffffffffffffffff", "1;", "1,,",
    "--1", "-0x1", "- 1", "", "1#c", "1 # c", "[1]", "[]", "<1>", "{1}", "1input {}", "1l",
    "\u0663",
])
FLOATS = st.sampled_from([
    "0.5", ".5", "1.", "5e-1", "0.5f", "0.5F", "1", "1f", "inf", "nan", "-nan", "infinity", "-.5",
    "Inf", "NAN", "1_0.5", "0x1", "010", "1e400", "1e-400", "+0.5", "- 0.5", "0.5.", "1e", ".",
    "", "0.9999999999", "1.00000001", "1.0000001", "'0.5'", "0.5e+0", "5E-1f", "infinityf",
    "inff",
])
BOOLEANS = st.sampled_from([
    "true", "false", "True", "False", "t", "f", "1", "0", "TRUE", "T", "yes", "2", "-0", "0x1",
    "01", "00", "'true'", "tru", "truee", "[true]", "",
])
ENUMS = st.sampled_from([
    "TYPE_FP32", "11", "77", "0xb", "013", "-1", "'TYPE_FP32'", "type_fp32", "FP32", "TYPE_FP32,",
    "2147483648", "-2147483648", "11.0", "TYPE_FP32;", "+11", "- 1", "TYPE_INVALID", "0", "",
])
STRINGS = st.sampled_from([
    "'a'", '"a"', '"a" "b"', '\'a\'"b"', '"a', '\'a"', '"\\n"', '"\\x41"', '"\\X41"', '"\\101"',
    '"\\8"', '"\\q"', '"\\u00e9"', '"\\U0001F600"', '"\xe9"', '"\\?"', '"\\x"', '"\\u12"',
    '"\\N{DIGIT ONE}"', '"a\nb"', '"a\\\nb"', '"\t"', '"\\0"', "a", '"\x01"', "1", "", '"#"',
    '"\\\'"', '["a"]', '"a"# c\n"b"', '"\r"', '"\x7f"', '"\\1234"', '"\\x414"', '"\\e"', '"\\1"',
])
# fmt: on
WHOLE = st.sampled_from(
    [
        "response_cache { enable: true }",
        "response_cache: { enable: true }",
        "response_cache < enable: true >",
        "response_cache: < enable: true >",
        "response_cache { enable: true >",
        "response_cache { enable: true",
        "response_cache enable: true }",
        "response_cache { enable true }",
        "response_cache { enable: true; }",
        "response_cache { enable: true, };",
        "response_cache {} response_cache {}",
        "response_cache { enable: true enable: true }",
        "response_cache { enable: false enable: true }",
        "response_cache [{ enable: true }]",
        "response_cache",
        "response_cache:",
        "Response_cache {}",
        "responseCache {}",
        "response_cache {} # é",
        "response_cache {} // c",
        "response_cache {} /* c */",
        "dims: 1",
        "input [ ]",
        "input [ {} ",
        "input: [ { name: 'a' data_type: TYPE_FP32 dims: 1 } ]",
        "input [ { name: 'a' data_type: TYPE_FP32 dims: [1, 2] } ]",
        "input [ { name: 'a' data_type: TYPE_FP32 dims: [1, 2,] } ]",
        "input [ { name: 'a' data_type: TYPE_FP32 dims: [1; 2] } ]",
        "input [ { name: 'a' data_type: TYPE_FP32 dims: [1 2] } ]",
        "input [ < name: 'a' data_type: TYPE_FP32 dims: 1 > ]",
        "input [ { name: 'a', data_type: TYPE_FP32; dims: 1, }, ]",
        "input { name: 'a' data_type: TYPE_FP32 dims: 1 dims: [] dims: [2, 3] }",
        "input { name: 'a' name: 'a' data_type: TYPE_FP32 dims: 1 }",
        "input { name: '' name: 'a' data_type: TYPE_FP32 dims: 1 }",
        "input { name: 'a' data_type: TYPE_FP32 dims: 1 optional: false optional: true }",
        "max_batch_size: 1 max_batch_size: 2",
        "max_batch_size: 0 max_batch_size: 2",
        "max_batch_size: 2 max_batch_size: 0",
        "max_batch_size : 1",
        "max_batch_size\n:\n1",
        "max_batch_size#c\n: 1",
        "max_batch_size 1",
        "max_batch_size: 1 ; ; ",
        "max_batch_size: 1 ,",
        ", max_batch_size: 1",
        "dynamic_batching {} sequence_batching {}",
        "sequence_batching {} dynamic_batching {}",
        "dynamic_batching {} ensemble_scheduling {}",
        "version_policy { all {} latest {} }",
        "version_policy { all {} } version_policy { all {} }",
        "version_policy { latest { num_versions: 1 } latest { num_versions: 1 } }",
        "parameters { key: 'a' value { string_value: 'b' } }",
        "parameters { key: 'a' value { string_value: 'b' } } parameters { key: 'a' }",
        "parameters { key: 'a' key: 'b' value {} }",
        "parameters { key: 'a' value {} value {} }",
        "parameters { value {} }",
        "parameters { }",
        "parameters [ { key: 'a' }, { key: 'b' } ]",
        "parameters { 'a': {} }",
        "parameters: { key: 'a' value: 'b' }",
        "metric_tags { key: 'a' value: 'b' } metric_tags { key: 'a' value: 'c' }",
        "[inference.x]: 1",
        "[type.googleapis.com/inference.ModelConfig] {}",
        "1: 'x'",
        "2 { }",
        "unknown: 1",
        "unknown { a: 1 }",
        "input { unknown: 1 }",
        "input.name: 'a'",
        "instance_group [ { kind: KIND_CPU count: 1 } ]",
        "instance_group [ { kind: kind_cpu } ]",
        "instance_group { kind: KIND_CPU } , instance_group { kind: 2 }",
        "instance_group { Kind: KIND_CPU }",
        "model_transaction_policy { decoupled: True }",
        "\x0c response_cache {}",
        "\x0b response_cache {}",
        "\u00a0 response_cache {}",
        "\u2028 response_cache {}",
        "\x00 response_cache {}",
        "\x01",
        "é: 1",
        "}",
        "{ }",
        "{ max_batch_size: 1 }",
        "]",
        "\\",
        '"',
        "response_cache {}\r\nmax_batch_size: 1\r\n",
        "response_cache {}\rmax_batch_size: 1",
        "optimization { graph { level: 1 } } optimization { }",
        "optimization { priority: PRIORITY_MAX priority: PRIORITY_MIN }",
        "optimization { priority: PRIORITY_DEFAULT priority: PRIORITY_MIN }",
    ]
)
_BEFORE = st.sampled_from(["", "", "# c\n", "\n\n", "\ufeff", " ", "#é\n", "\t"])
_AFTER = st.sampled_from(["", "\n", " ", "# c", ";", "\r\n", "#"])


@st.composite
def texts(draw: DrawFn) -> Draft:
    """A valid beginning, and one field whose text may or may not be readable."""
    kind = draw(
        st.sampled_from(["integer", "float", "boolean", "enum", "string", "whole", "whole"])
    )
    if kind == "integer":
        field = f"max_batch_size: {draw(INTEGERS)}"
        if draw(st.booleans()):
            field = f"dynamic_batching {{ max_queue_delay_microseconds: {draw(INTEGERS)} }}"
    elif kind == "float":
        direct = f"direct {{ minimum_slot_utilization: {draw(FLOATS)} }}"
        field = f"sequence_batching {{ {direct} }}"
    elif kind == "boolean":
        field = f"response_cache {{ enable: {draw(BOOLEANS)} }}"
    elif kind == "enum":
        field = f"input {{ name: 'a' dims: 1 data_type: {draw(ENUMS)} }}"
    elif kind == "string":
        value = draw(STRINGS)
        field = draw(
            st.sampled_from(
                [
                    f"parameters {{ key: 'k' value {{ string_value: {value} }} }}",
                    f"metric_tags {{ key: {value} value: 'v' }}",
                    f"input {{ name: {value} data_type: TYPE_FP32 dims: 1 }}",
                ]
            )
        )
    else:
        field = draw(WHOLE)
    before, after = draw(_BEFORE), draw(_AFTER)
    return Draft(text=f'{before}name: "NAME"\nbackend: "custom"\n{field}{after}')
