"""Requests over HTTP: tensors as JSON, or as binary behind it (Triton's binary data extension).

The bytes are made and read by Triton's own client; aiohttp carries them, many at once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import np_to_triton_dtype

from packager.client import RequestError
from packager.load.sender import NoAnswerError

if TYPE_CHECKING:
    from packager.load.sender import Array, Arrays, Target

HEADER_LENGTH = "Inference-Header-Content-Length"
"""Where the JSON ends and the binary tensors begin, in bytes."""

Body = tuple[bytes, dict[str, str]]
"""What is posted, and its headers."""

Answer = tuple[bytes, int | None]
"""A body, and how much of it is JSON; None for all."""


class HttpSender:
    """Requests to one model, over as many connections as there are requests under way."""

    def __init__(self, target: Target, *, binary: bool) -> None:
        self._binary = binary
        self._target = target
        self._names = tuple(output.name for output in target.metadata.outputs)
        self._session = session_of(target)
        self._url = infer_url(target)

    def encode(self, inputs: Arrays) -> Body:
        """Return the body and headers of a request."""
        tensors = []
        for name, array in inputs.items():
            tensor = InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array, binary_data=self._binary)
            tensors.append(tensor)
        outputs = [InferRequestedOutput(name, binary_data=self._binary) for name in self._names]
        return encoded(tensors, outputs)

    async def send(self, request: Body, *, slot: int) -> Answer:  # noqa: ARG002
        """Post it."""
        return await post(self._session, self._url, request, where=place(self._target))

    def decode(self, answer: Answer, *, slot: int) -> dict[str, Array]:  # noqa: ARG002
        """Return the outputs by name."""
        body, header_length = answer
        result = InferenceServerClient.parse_response_body(body, header_length=header_length)
        return {name: result.as_numpy(name) for name in self._names}

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


def session_of(target: Target) -> aiohttp.ClientSession:
    """Return a session with as many connections as are needed, and answers as they are.

    aiohttp would offer compression, and Triton then spends a millisecond on it.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
        timeout=aiohttp.ClientTimeout(total=target.timeout_s),
        skip_auto_headers={"Accept-Encoding", "User-Agent"},
    )


def encoded(inputs: list[Any], outputs: list[Any]) -> Body:
    """Return the body and headers of a request of Triton's client's tensors."""
    body, header_length = InferenceServerClient.generate_request_body(inputs, outputs=outputs)
    headers = {"Content-Type": "application/octet-stream"}
    if header_length is not None:
        headers[HEADER_LENGTH] = str(header_length)
    return body, headers


async def post(session: aiohttp.ClientSession, url: str, request: Body, *, where: str) -> Answer:
    """Return the body of a 200 answer.

    Raises:
        NoAnswerError: nobody answered in time.
        RequestError: the answer is another status.
    """
    body, headers = request
    try:
        async with session.post(url, data=body, headers=headers) as response:
            content = await response.read()
    except aiohttp.ClientConnectorError as error:
        # aiohttp's own words tell of TLS, and there is none.
        raise NoAnswerError(error.os_error.strerror or str(error.os_error)) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise NoAnswerError(str(error) or "timed out") from error
    if response.status != 200:
        raise RequestError(_told(content), where=where, status=str(response.status))
    length = response.headers.get(HEADER_LENGTH)
    return content, None if length is None else int(length)


def infer_url(target: Target) -> str:
    """Return where a model's version is asked."""
    name = quote(target.metadata.name, safe="")
    return f"http://{target.endpoints.http}/v2/models/{name}/versions/{target.version}/infer"


def place(target: Target) -> str:
    """Return what errors name."""
    return f"{target.metadata.name}/{target.version}"


def _told(content: bytes) -> str:
    try:
        text = str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        text = content.decode(errors="replace")
    return text.strip().rstrip(".") or "an answer without a reason"
