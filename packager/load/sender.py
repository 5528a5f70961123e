"""How one request is sent: encoded once, sent as often as needed, its answer decoded when asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from packager.model_metadata import ModelMetadata
from packager.server.running import Endpoints

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]
"""Tensors by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The version of a model that is asked, where, and how long one answer may take."""

    endpoints: Endpoints
    metadata: ModelMetadata
    version: int
    timeout_s: float


class NoAnswerError(Exception):
    """Nobody answered, or not in time: another try may succeed."""


class Sender(Protocol):
    """A way to Triton. `slot` says which of the requests under way at once this one is."""

    def encode(self, inputs: Arrays) -> Any:
        """Return a request, to be sent once or more often; arrays as the server's metadata say."""

    async def send(self, request: Any, *, slot: int) -> Any:
        """Return the answer, undecoded.

        Raises:
            NoAnswerError: nobody answered.
            RequestError: Triton refused it, or the model failed on it.
        """

    def decode(self, answer: Any, *, slot: int) -> dict[str, Array]:
        """Return an answer's outputs by name; before the slot's next request."""

    async def close(self) -> None:
        """Close every connection, and give back what the server lent."""
