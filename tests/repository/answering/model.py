"""Answers with a version's own number and its config's mark; refuses a config of another's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


class TritonPythonModel:
    """What the Python backend asks for."""

    def initialize(self, arguments: dict[str, str]) -> None:
        """Read what the version says of itself, and hold the config to it."""
        folder = Path(arguments["model_repository"], arguments["model_version"])
        version = json.loads((folder / "model.pt").read_bytes())
        config = json.loads(arguments["model_config"])
        mark = config["parameters"]["mark"]["string_value"]
        inputs = [tensor["name"] for tensor in config["input"]]
        if inputs != [version["input"]] or mark != version["mark"]:
            raise ValueError(f"a config with {inputs}, {mark} for a version with {version}")
        self._answers = {"number": float(version["number"]), "mark": float(mark)}

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer every request with the same."""
        import triton_python_backend_utils as triton  # noqa: PLC0415

        tensors = [
            triton.Tensor(name, np.array([value], dtype=np.float32))
            for name, value in self._answers.items()
        ]
        return [triton.InferenceResponse(output_tensors=tensors) for _ in requests]
