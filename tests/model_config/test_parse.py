"""Parsing: what is no config is told with its place; the schema comes without gRPC."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from packager.errors import SpecError
from packager.model_config.parse import parse, to_json


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ('name: "m"\nmax_batch: 3\n', "2:1", "max_batch"),
        ('name: "m"\nmax_batch_size: many\n', "2:17", "many"),
        ('name: "m\n', "1:7", ""),
        ("input { dims: [1, }\n", "1:19", ""),
        ("input {\n", "1:7", ""),
        ("max_batch_size: 2147483648\n", "1:17", "range"),
        ("instance_group { kind: KIND_TPU }\n", "1:24", "KIND_TPU"),
    ],
)
def test_what_does_not_parse_is_told_with_line_and_column(
    text: str, place: str, problem: str
) -> None:
    """As file:line:column, which editors open."""
    with pytest.raises(SpecError, match="not a valid config") as caught:
        parse(text, where="m/config.pbtxt")
    assert caught.value.where.startswith(f"m/config.pbtxt:{place}")
    assert problem in caught.value.problem


def test_nothing_is_an_empty_config() -> None:
    """Triton completes what is left out."""
    assert parse("") == parse("# only a comment\n")


def test_json_is_what_a_load_request_takes() -> None:
    """Fields keep the names of config.pbtxt."""
    sent = json.loads(to_json(parse('name: "m" max_batch_size: 8 input { dims: [-1] }')))
    assert sent == {"name": "m", "max_batch_size": 8, "input": [{"dims": ["-1"]}]}


def test_parsing_does_not_import_grpc() -> None:
    """Nor torch: a plan and a lint must start fast."""
    code = (
        "import sys; from packager.model_config.parse import parse; parse('name: \"m\"');"
        "print(sorted({'grpc', 'torch', 'tritonclient'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
