"""Text to `ModelConfig`, by the protobuf schema that Triton's client ships."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format, text_format

from packager.errors import PackagerError, SpecError

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


def parse(text: str, *, where: str = "config.pbtxt") -> Any:
    """Parse a `config.pbtxt` text into a `ModelConfig` message.

    Raises:
        SpecError: the text is no ModelConfig; names line and column.
    """
    message = schema().ModelConfig()
    try:
        return text_format.Parse(text, message)
    except text_format.ParseError as error:
        line, column = error.GetLine(), error.GetColumn()
        place = f"{where}:{line}:{column}" if line is not None else where
        problem = str(error).split(" : ", 1)[-1].strip("'")
        raise SpecError(
            f"is not a valid config.pbtxt: {problem}",
            where=place,
            remedy="see ModelConfig in Triton's model_config.proto for the fields there are",
        ) from error


def to_json(config: Any) -> str:
    """Return a `ModelConfig` as the JSON that Triton's load request takes."""
    return str(json_format.MessageToJson(config, preserving_proto_field_name=True))
