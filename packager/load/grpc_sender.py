"""Requests over gRPC, as Triton's own messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
from tritonclient.grpc import InferResult, service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype

from packager.client import RequestError, nobody_answered
from packager.errors import UnavailableError
from packager.load.http_sender import place
from packager.load.sender import NoAnswerError

if TYPE_CHECKING:
    from packager.load.sender import Array, Arrays, Target

UNLIMITED = -1
"""Bytes of a message; Triton itself allows 2 GiB."""


class GrpcSender:
    """Requests to one model over one channel: gRPC puts all of them on one connection."""

    def __init__(self, target: Target) -> None:
        if target.endpoints.grpc is None:
            raise UnavailableError(
                "the server's gRPC address is not known",
                where="server.grpc_url",
                remedy="give it, or choose task.protocol=binary",
            )
        self._target = target
        self._names = tuple(output.name for output in target.metadata.outputs)
        self._channel = grpc.aio.insecure_channel(
            target.endpoints.grpc,
            options=[
                ("grpc.max_send_message_length", UNLIMITED),
                ("grpc.max_receive_message_length", UNLIMITED),
            ],
        )
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    def encode(self, inputs: Arrays) -> Any:
        """Return the message of a request, its tensors as raw bytes."""
        request = service_pb2.ModelInferRequest(
            model_name=self._target.metadata.name, model_version=str(self._target.version)
        )
        for name, array in inputs.items():
            request.inputs.add(
                name=name, shape=array.shape, datatype=np_to_triton_dtype(array.dtype)
            )
            request.raw_input_contents.append(array.tobytes())
        return request

    async def send(self, request: Any, *, slot: int) -> Any:  # noqa: ARG002
        """Call the server."""
        try:
            return await self._stub.ModelInfer(request, timeout=self._target.timeout_s)
        except grpc.aio.AioRpcError as error:
            told = (error.details() or error.code().name).strip().rstrip(".")
            if nobody_answered(error.code().name, told):
                raise NoAnswerError(told) from error
            raise RequestError(told, where=place(self._target), status=error.code().name) from error

    def decode(self, answer: Any, *, slot: int) -> dict[str, Array]:  # noqa: ARG002
        """Return the outputs by name."""
        result = InferResult(answer)
        return {name: result.as_numpy(name) for name in self._names}

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
