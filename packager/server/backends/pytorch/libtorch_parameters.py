"""The `parameters` of a configuration that the libtorch backend reads.

Runs inside Triton's Python stub. Source: pytorch_backend, src/libtorch.cc (ParseParameters).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from libtorch_contract import LoadError  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Mapping

_BOOLEANS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


@dataclass(frozen=True)
class Parameters:
    """Values as given; None where a key is absent and libtorch changes nothing."""

    optimized_execution: bool
    inference_mode: bool
    intra_op_threads: int | None
    jit_profiling: bool | None
    jit_executor: bool | None
    tensor_fuser: bool | None

    def apply(self) -> None:
        """Set the executor's switches, which only torch's private names reach from Python."""
        torch._C._set_graph_executor_optimize(self.optimized_execution)  # noqa: SLF001
        if self.jit_profiling is not None:
            torch._C._jit_set_profiling_mode(self.jit_profiling)  # noqa: SLF001
        if self.jit_executor is not None:
            torch._C._jit_set_profiling_executor(self.jit_executor)  # noqa: SLF001
        if self.tensor_fuser is not None:
            torch._C._jit_set_texpr_fuser_enabled(self.tensor_fuser)  # noqa: SLF001


def read_parameters(parameters: Mapping[str, Any]) -> Parameters:
    """The parameters of a configuration.

    Raises:
        LoadError: a value is malformed, or is one that can end a libtorch server.
    """
    texts = {key: str(value.get("string_value", "")) for key, value in parameters.items()}
    if "INTER_OP_THREAD_COUNT" in texts:
        raise LoadError(
            "parameter INTER_OP_THREAD_COUNT is refused: set by two models it ends a server "
            "with the libtorch backend"
        )
    for ignored in ("ENABLE_WEIGHT_SHARING", "ENABLE_CACHE_CLEANING", "DISABLE_CUDNN"):
        _boolean(texts, ignored)
    return Parameters(
        optimized_execution=not _boolean(texts, "DISABLE_OPTIMIZED_EXECUTION"),
        inference_mode=_boolean(texts, "INFERENCE_MODE") is not False,
        intra_op_threads=_integer(texts, "INTRA_OP_THREAD_COUNT"),
        jit_profiling=_boolean(texts, "ENABLE_JIT_PROFILING"),
        jit_executor=_boolean(texts, "ENABLE_JIT_EXECUTOR"),
        tensor_fuser=_boolean(texts, "ENABLE_TENSOR_FUSER"),
    )


def _boolean(texts: Mapping[str, str], key: str) -> bool | None:
    if key not in texts:
        return None
    value = _BOOLEANS.get(texts[key].lower())
    if value is None:
        raise LoadError(f"failed to convert '{texts[key]}' to boolean, parameter {key}")
    return value


def _integer(texts: Mapping[str, str], key: str) -> int | None:
    if key not in texts:
        return None
    if not re.fullmatch(r"[+-]?[0-9]+", texts[key].strip()):
        raise LoadError(f"failed to convert '{texts[key]}' to integral number, parameter {key}")
    return int(texts[key])
