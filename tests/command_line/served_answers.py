"""What a served fashion_cnn answers, and what its artifact answers without a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import requests
import torch

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Images


def ask(url: str, version: int, images: Images) -> Images:
    """Return the scores [N, 10] that a server answers over JSON."""
    tensor = {"name": "input0", "shape": list(images.shape), "datatype": "FP32"}
    answer = requests.post(
        f"{url}/v2/models/fashion_cnn/versions/{version}/infer",
        json={"inputs": [tensor | {"data": images.flatten().tolist()}]},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    assert (output["name"], output["shape"]) == ("output0", [len(images), 10])
    return np.array(output["data"], dtype=np.float32).reshape(len(images), 10)


def is_ready(url: str, version: int) -> bool:
    """Whether a server has loaded a version."""
    path = f"/v2/models/fashion_cnn/versions/{version}/ready"
    return requests.get(f"{url}{path}", timeout=5).status_code == 200


def scores(repository: Path, version: int, images: Images) -> Images:
    """Return the scores [N, 10] of `torch.jit.load`."""
    path = repository / "fashion_cnn" / str(version) / "model.pt"
    with torch.no_grad():
        answer = torch.jit.load(path)(torch.from_numpy(images))  # type: ignore[no-untyped-call]
    return np.array(answer, dtype=np.float32)
