"""Tensors in memory that server and client share; requests only name the place (HTTP).

Each of the requests under way at once has a slot of its own: a region with room for its inputs
and outputs. Source: Triton's system shared memory extension.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import secrets
from typing import TYPE_CHECKING, Any

import numpy as np
from tritonclient import http
from tritonclient.utils import np_to_triton_dtype, shared_memory, triton_to_np_dtype

from packager.errors import SpecError, UnavailableError
from packager.load.http_sender import Answer, encoded, infer_url, place, post, session_of

if TYPE_CHECKING:
    from packager.load.sender import Array, Arrays, Target
    from packager.model_metadata import TensorMetadata

ALIGNMENT = 64
"""Bytes: where tensors begin in a slot."""

LAST_ANSWERS_S = 2.0
"""How long requests under way are waited for when all is to end."""

FOLDER = "/dev/shm"  # noqa: S108 - where Linux keeps shared memory


class SharedMemorySender:
    """Requests whose tensors stay where they are; at most `rows` samples each."""

    def __init__(self, target: Target, *, slots: int, rows: int) -> None:
        self._target = target
        self._outputs = {tensor.name: _size(tensor, rows) for tensor in target.metadata.outputs}
        self._inputs = {tensor.name: _size(tensor, rows) for tensor in target.metadata.inputs}
        self._places = _places(self._inputs | self._outputs)
        self._bytes = sum((self._inputs | self._outputs).values())
        _require_room(self._bytes * slots)
        self._registry = http.InferenceServerClient(target.endpoints.http)
        self._name = f"packager-load-{secrets.token_hex(8)}"
        self._slots: list[Any] = []
        self._under_way: set[asyncio.Task[Answer]] = set()
        try:
            for number in range(slots):
                self._slots.append(self._region(number))
        except BaseException:
            self._release()
            raise
        self._session = session_of(target)

    def encode(self, inputs: Arrays) -> Arrays:
        """Return the tensors themselves: what is sent depends on the slot."""
        return inputs

    async def send(self, request: Arrays, *, slot: int) -> Answer:
        """Write the tensors into the slot, and post where they are."""
        region = self._region_name(slot)
        for name, array in request.items():
            shared_memory.set_shared_memory_region(
                self._slots[slot], [array], offset=self._places[name]
            )
        inputs = []
        for name, array in request.items():
            kind = np_to_triton_dtype(array.dtype)
            inputs.append(http.InferInput(name, list(array.shape), kind))
            inputs[-1].set_shared_memory(region, array.nbytes, offset=self._places[name])
        outputs = []
        for name, size in self._outputs.items():
            outputs.append(http.InferRequestedOutput(name))
            outputs[-1].set_shared_memory(region, size, offset=self._places[name])
        body, where = encoded(inputs, outputs), place(self._target)
        posted = asyncio.ensure_future(
            post(self._session, infer_url(self._target), body, where=where)
        )
        self._under_way.add(posted)
        posted.add_done_callback(self._under_way.discard)
        # Whoever is cancelled leaves the request: the server reads and writes the slot until then.
        return await asyncio.shield(posted)

    def decode(self, answer: Answer, *, slot: int) -> dict[str, Array]:
        """Return copies of the outputs by name: the slot's next request writes over them."""
        body, header_length = answer
        result = http.InferenceServerClient.parse_response_body(body, header_length=header_length)
        return {
            name: np.array(
                shared_memory.get_contents_as_numpy(
                    self._slots[slot],
                    triton_to_np_dtype(told["datatype"]),
                    told["shape"],
                    offset=self._places[name],
                )
            )
            for name in self._outputs
            if (told := result.get_output(name)) is not None
        }

    async def close(self) -> None:
        """Give the regions back, as soon as the server is done with them."""
        if left := tuple(self._under_way):
            _, late = await asyncio.wait(left, timeout=LAST_ANSWERS_S)
            for one in late:
                one.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        await self._session.close()
        self._release()

    def _region_name(self, slot: int) -> str:
        return f"{self._name}-{slot}"

    def _region(self, number: int) -> Any:
        name, size = self._region_name(number), self._bytes
        handle = shared_memory.create_shared_memory_region(name, f"/{name}", size)
        try:
            self._registry.register_system_shared_memory(name, f"/{name}", size)
        except Exception as error:
            shared_memory.destroy_shared_memory_region(handle)
            raise UnavailableError(
                f"the server does not take this host's shared memory: {error}",
                where="task.protocol",
                remedy="choose binary, or a server on this host (Docker needs --ipc=host)",
            ) from error
        return handle

    def _release(self) -> None:
        for number, handle in enumerate(self._slots):
            with contextlib.suppress(Exception):  # the server may be gone
                self._registry.unregister_system_shared_memory(self._region_name(number))
            shared_memory.destroy_shared_memory_region(handle)
        self._slots.clear()
        self._registry.close()


def _require_room(size: int) -> None:
    """Check that so many bytes fit: writing to memory that there is not ends a process.

    Raises:
        UnavailableError: they do not.
    """
    there = os.statvfs(FOLDER)
    free = there.f_bavail * there.f_frsize
    if size > free:
        raise UnavailableError(
            f"shared memory would take {size / 2**20:,.0f} MiB, and {free / 2**20:,.0f} are free",
            where=FOLDER,
            remedy="give a smaller task.batch or task.concurrency, or choose task.protocol=binary",
        )


def _size(tensor: TensorMetadata, rows: int) -> int:
    """Return the bytes of a tensor of so many rows, a multiple of the alignment.

    Raises:
        SpecError: its sizes vary otherwise, or it has none.
    """
    dims = list(tensor.dims)
    if dims[:1] == [-1]:
        dims[0] = rows
    dtype = triton_to_np_dtype(tensor.data_type.value)
    if -1 in dims or dtype is None or dtype == np.object_:
        raise SpecError(
            f"is shm, and the size of {tensor.name} {tensor.data_type.value} {list(tensor.dims)}"
            " is not known before",
            where="task.protocol",
            remedy="choose binary or grpc",
        )
    size = math.prod(dims) * np.dtype(dtype).itemsize
    return math.ceil(size / ALIGNMENT) * ALIGNMENT


def _places(sizes: dict[str, int]) -> dict[str, int]:
    """Return where each tensor begins, one after the other."""
    places, end = {}, 0
    for name, size in sizes.items():
        places[name] = end
        end += size
    return places
