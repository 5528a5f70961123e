"""What a running server is asked, and the answers that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from packager.client import WireFormat
from packager.model_config.render import is_number
from packager.proof.samples import Rows, repeated, requests, typical_size
from packager.spec.recipe import Recipe
from packager.spec.tensors import DataType

if TYPE_CHECKING:
    from collections.abc import Iterator

Arrays = Mapping[str, np.ndarray[Any, Any]]

REQUEST_BYTES = 2**23
"""Of one request's inputs: as JSON they are several times as many."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Question:
    """What a server is asked: a model's version, and rows whose answers are known.

    `rows` are one tensor [N, *dims] an input, as clients send them; `expected` one tensor
    [N, ...] an output, the reference's answers.
    """

    recipe: Recipe
    rows: Rows
    expected: Rows
    version: int

    @property
    def row_bytes(self) -> int:
        """One row of every input."""
        return sum(tensor[0].nbytes for tensor in self.rows)

    @property
    def request_size(self) -> int | None:
        """A request's rows: fewer than is typical where they are large, if any number may be."""
        serving = self.recipe.serving
        size = typical_size(serving)
        if size is None or (serving.max_batch_size == 0 and serving.batch_dim != -1):
            return size
        return max(1, min(size, REQUEST_BYTES // max(1, self.row_bytes)))

    def requests(self, size: int | None) -> Iterator[tuple[Rows, Rows]]:
        """Yield requests of `size` rows with their answers; too few rows are sent repeatedly."""
        rows, expected = self.rows, self.expected
        if size is not None and len(rows[0]) < size:
            rows, expected = repeated(rows, size), repeated(expected, size)
        yield from zip(requests(rows, size), requests(expected, size), strict=True)

    def named(self, rows: Rows) -> dict[str, np.ndarray[Any, Any]]:
        """Return one request's arrays by name; a single number for each row is sent as [N, 1]."""
        return {
            tensor.name: (values[:, None] if is_number(tensor, self.recipe.serving) else values)
            .contiguous()
            .numpy()
            for tensor, values in zip(self.recipe.inputs, rows, strict=True)
        }

    def outputs(self, answer: Arrays) -> Rows:
        """Return an answer's outputs in the recipe's order: the server's is another."""
        return tuple(
            torch.from_numpy(np.array(answer[tensor.name])) for tensor in self.recipe.outputs
        )

    def wires(self, *, grpc: bool) -> list[WireFormat]:
        """Return the protocols that carry the model's tensors: JSON has no half precision."""
        types = {tensor.data_type for tensor in (*self.recipe.inputs, *self.recipe.outputs)}
        lacking = {
            WireFormat.GRPC: not grpc,
            WireFormat.JSON: DataType.FP16 in types,
        }
        return [wire for wire in WireFormat if not lacking.get(wire)]
