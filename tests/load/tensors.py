"""A model's tensors as a server would describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.model_metadata import metadata

if TYPE_CHECKING:
    from packager.model_metadata import ModelMetadata


def model_of(dims: list[int]) -> ModelMetadata:
    """Return a model `m` that takes `x` and gives `y`, both FP32 of such dims."""
    one = {"datatype": "FP32", "shape": dims}
    return metadata(
        {
            "name": "m",
            "versions": ["1"],
            "platform": "pytorch_libtorch",
            "inputs": [{"name": "x", **one}],
            "outputs": [{"name": "y", **one}],
        }
    )
