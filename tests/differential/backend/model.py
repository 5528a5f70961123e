"""Answers nothing, so that Triton's core is the only judge; needs no torch."""

from __future__ import annotations

import json
from typing import Any


class TritonPythonModel:
    """What the Python backend asks for."""

    def initialize(self, arguments: dict[str, str]) -> None:
        """Remember in which of its two ways the backend wants answers."""
        policy = json.loads(arguments["model_config"]).get("model_transaction_policy", {})
        self._decoupled = bool(policy.get("decoupled"))

    def execute(self, requests: list[Any]) -> list[Any] | None:
        """Answer warmup requests, without tensors."""
        import triton_python_backend_utils as triton  # noqa: PLC0415

        if not self._decoupled:
            return [triton.InferenceResponse(output_tensors=[]) for _ in requests]
        for request in requests:
            final = triton.TRITONSERVER_RESPONSE_COMPLETE_FINAL
            request.get_response_sender().send(flags=final)
        return None
