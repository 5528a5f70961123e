"""Text to `ModelConfig`, by the protobuf schema that Triton's client ships."""

from __future__ import annotations

import difflib
import importlib.util
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf import text_format

from packager.errors import PackagerError, SpecError
from packager.model_config import dialect

if TYPE_CHECKING:
    from types import ModuleType

SCHEMA = "tritonclient.grpc.model_config_pb2"


@cache
def schema() -> ModuleType:
    """Load `model_config_pb2` alone: importing its package would bring in all of gRPC."""
    if SCHEMA in sys.modules:
        return sys.modules[SCHEMA]
    package = importlib.util.find_spec("tritonclient")
    for folder in (package.submodule_search_locations or []) if package else []:
        spec = importlib.util.spec_from_file_location(
            "packager_model_config_pb2", f"{folder}/grpc/model_config_pb2.py"
        )
        if spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise PackagerError(
        "Triton's protobuf schema is not installed", remedy='pip install "tritonclient[http,grpc]"'
    )


class TextError(Exception):
    """A text is no `ModelConfig`: what protobuf says about it, and where, both from 1."""

    def __init__(self, problem: str, *, line: int, column: int) -> None:
        super().__init__(problem, line, column)
        self.problem = problem
        self.line = line
        self.column = column


def read(text: str) -> Any:
    """Return the `ModelConfig` message that a text holds.

    Raises:
        TextError: the text is none.
    """
    message = schema().ModelConfig()
    try:
        return text_format.Parse(dialect.for_python(text), message)
    except dialect.DialectError as error:
        before = text[: error.at].split("\n")
        raise TextError(error.problem, line=len(before), column=len(before[-1]) + 1) from error
    except text_format.ParseError as error:
        line, column = error.GetLine() or 1, error.GetColumn() or 1
        lines = text.split("\n")
        shown = lines[line - 1] if line <= len(lines) else ""
        raise TextError(_explained(str(error), shown, column), line=line, column=column) from error
    except ValueError as error:
        # protobuf's own, without a place, where a number is out of an enumeration's range
        raise TextError(str(error), line=1, column=1) from error


def parse(text: str, *, where: str = "config.pbtxt") -> Any:
    """Parse a `config.pbtxt` text into a `ModelConfig` message.

    Raises:
        SpecError: the text is no ModelConfig; names line and column.
    """
    try:
        return read(text)
    except TextError as error:
        raise SpecError(
            f"is not a valid config.pbtxt: {error.problem}",
            where=f"{where}:{error.line}:{error.column}",
            remedy="see ModelConfig in Triton's model_config.proto for the fields there are",
        ) from error


def to_json(config: Any) -> str:
    """Return a `ModelConfig` as the JSON that Triton's load request takes."""
    from google.protobuf import json_format  # noqa: PLC0415  a quarter of the linter's start

    return str(json_format.MessageToJson(config, preserving_proto_field_name=True))


def _explained(error: str, line: str, column: int) -> str:
    """Return protobuf's own explanation in the words of its C++ parser, which Triton uses."""
    problem = re.sub(r"^\d+:\d+ : ", "", error).removeprefix(f"'{line.rstrip()}': ")
    problem = problem.removeprefix(f"'{line}': ").removeprefix("'': ")
    if found := _NO_FIELD.fullmatch(problem):
        message = schema().DESCRIPTOR.pool.FindMessageTypeByName(found["type"])
        return f"{problem}{_meant(found['name'], message.fields_by_name)}"
    if found := _NO_VALUE.fullmatch(problem):
        field = re.findall(r"\w+", line[: column - 1])[-1:] or ["?"]
        values = schema().DESCRIPTOR.pool.FindEnumTypeByName(found["type"])
        meant = _meant(found["name"], values.values_by_name)
        return f'Unknown enumeration value of "{found["name"]}" for field "{field[0]}".{meant}'
    return _TWICE.sub(r'Non-repeated field "\1" is specified multiple times.', problem)


_NO_FIELD = re.compile(r'Message type "(?P<type>.*)" has no field named "(?P<name>.*)"\.')
_NO_VALUE = re.compile(r'Enum type "(?P<type>.*)" has no value named (?P<name>.*)\.')
_TWICE = re.compile(r'Message type ".*" should not have multiple "(.*)" fields\.')


def _meant(name: str, known: Any) -> str:
    """Return a question where `name` is nearly a known one, or lacks only its prefix."""
    ends = [one for one in known if one.endswith(f"_{name.upper()}")]
    close = ends or difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""
