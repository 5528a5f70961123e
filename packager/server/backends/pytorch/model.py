"""Serves `platform: "pytorch_libtorch"` on a Triton without libtorch, and refuses what it refuses.

Triton runs this file in its Python stub for every model whose backend is `pytorch`. It differs
from libtorch on purpose in four places, each stricter: an input index past the inputs and
INTER_OP_THREAD_COUNT are refused at load, because they end a libtorch server; outputs whose rows
are not the batch's are refused, because libtorch answers them with other memory; and so are batches
of no rows, on which modules fail.
"""

from __future__ import annotations

import atexit
import gc
import os
from typing import TYPE_CHECKING, Any

import triton_python_backend_utils as pb_utils
from libtorch_contract import LoadError  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class TritonPythonModel:
    """One instance of a model; Triton's stub calls it by this name."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load `model.pt` and judge the configuration against it."""
        # Imports torch, so not before: Triton first starts a stub only to complete the
        # configuration, which this backend, like libtorch, never does.
        gc.disable()  # nothing of torch is garbage, and looking takes a fifth of importing it
        from libtorch_instance import Instance  # type: ignore[import-not-found] # noqa: PLC0415

        gc.freeze()
        gc.enable()
        # When the interpreter ends, Triton has its answer; taking torch down takes a second.
        atexit.register(os._exit, 0)
        try:
            self._instance = Instance(args)
        except LoadError as refusal:
            raise pb_utils.TritonModelException(str(refusal)) from None

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer all requests with as few `forward` calls as their shapes allow."""
        return list(self._instance.execute(requests))
