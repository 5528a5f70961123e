"""HTTP requests for one model, as bytes: right ones, and every way to get one wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

Array = npt.NDArray[np.float32]

LARGE_BYTES = 100_000_000
"""A body as no request for a small model has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A model with one FP32 input and one FP32 output, both with a batch axis before them.

    `rows` [N, ...] are what is asked with, `answers` [N, ...] what the module answers.
    """

    model: str
    input_name: str
    output_name: str
    max_batch_size: int
    rows: Array
    answers: Array

    @property
    def path(self) -> str:
        """Where requests go to."""
        return f"/v2/models/{self.model}/infer"

    def header(self, shape: Sequence[int], **more: Any) -> dict[str, Any]:
        """Return an input without its data."""
        return {"name": self.input_name, "shape": list(shape), "datatype": "FP32"} | more


def http(
    path: str, body: bytes, *, method: str = "POST", length: int | None = None, **headers: object
) -> bytes:
    """Return a request; `length` is what it says of its body, where that is not true."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def as_json(target: Target, rows: Array) -> bytes:
    """Return a right request with numbers as text."""
    return http(target.path, _json(target.header(rows.shape, data=rows.ravel().tolist())))


def as_binary(target: Target, rows: Array) -> bytes:
    """Return a right request with the numbers' bytes after its head."""
    return binary(target, target.header(rows.shape), rows.tobytes())


def binary(
    target: Target,
    header: Mapping[str, Any],
    data: bytes,
    *,
    size: int | None = None,
    head_length: object = None,
) -> bytes:
    """Return a binary request; `size` and `head_length` are said in place of the true ones."""
    parameters = {"binary_data_size": len(data) if size is None else size}
    head = _json(dict(header) | {"parameters": parameters}, binary_data_output=True)
    said = len(head) if head_length is None else head_length
    return http(target.path, head + data, Inference_Header_Content_Length=said)


def _json(*inputs: object, **parameters: object) -> bytes:
    return json.dumps(
        {"inputs": inputs} | ({"parameters": parameters} if parameters else {})
    ).encode()


def malformed(kind: str, target: Target, rows: Array, random: Random) -> bytes:
    """Return a request of a kind of `KINDS`."""
    return KINDS[kind](target, rows, random)


def _bad_json(target: Target, _: Array, random: Random) -> bytes:
    return http(target.path, random.choice([b"{", b"[]", b"null", b"", b'{"inputs": 3}', b"\xff"]))


def _truncated_json(target: Target, rows: Array, random: Random) -> bytes:
    body = as_json(target, rows).partition(b"\r\n\r\n")[2]
    return http(target.path, body[: random.randrange(1, len(body) - 1)])


def _text_for_numbers(target: Target, rows: Array, _: Random) -> bytes:
    return http(target.path, _json(target.header(rows.shape, data=["x"] * rows.size)))


def _too_few_numbers(target: Target, rows: Array, _: Random) -> bytes:
    return http(target.path, _json(target.header(rows.shape, data=[0.5] * (rows.size - 1))))


def _head_length(target: Target, rows: Array, random: Random) -> bytes:
    said = random.choice([0, 5, 10**9, -1, 2**63, 2**70, "x", ""])
    return binary(target, target.header(rows.shape), rows.tobytes(), head_length=said)


def _binary_size(target: Target, rows: Array, random: Random) -> bytes:
    size = rows.nbytes + random.choice([-4, 4, 10**6, 2**40, -rows.nbytes])
    return binary(target, target.header(rows.shape), rows.tobytes(), size=size)


def _less_than_said(target: Target, rows: Array, _: Random) -> bytes:
    data = rows.tobytes()
    return binary(target, target.header(rows.shape), data[:-8], size=len(data))


def _more_than_said(target: Target, rows: Array, _: Random) -> bytes:
    data = rows.tobytes()
    return binary(target, target.header(rows.shape), data + b"12345678", size=len(data))


def _wrong_shape(target: Target, rows: Array, random: Random) -> bytes:
    # Not a batch of 0: Triton counts it as the first dim's, and may refuse a whole batch for it.
    sample = list(rows.shape[1:])
    shape = random.choice(
        [
            [len(rows), *sample[:-1], sample[-1] + 1],
            [len(rows), *sample, 1],
            sample,
            [],
            [-1, *sample],
            [2**31, *sample],
            [2**62, 2**62, *sample],
        ]
    )
    return binary(target, target.header(shape), rows.tobytes())


def _wrong_data_type(target: Target, rows: Array, random: Random) -> bytes:
    datatype = random.choice(["INT32", "FP64", "BYTES", "BF16", "FP99", "", 3])
    return binary(target, target.header(rows.shape, datatype=datatype), rows.tobytes())


def _wrong_name(target: Target, rows: Array, random: Random) -> bytes:
    name = random.choice(["nope", "", "x" * 10_000, "\0", 7])
    return binary(target, target.header(rows.shape, name=name), rows.tobytes())


def _missing_input(target: Target, _: Array, random: Random) -> bytes:
    return http(target.path, random.choice([b'{"inputs": []}', b"{}"]))


def _input_twice(target: Target, rows: Array, _: Random) -> bytes:
    one = target.header(rows.shape, data=rows.ravel().tolist())
    return http(target.path, _json(one, one))


def _unknown_output(target: Target, rows: Array, _: Random) -> bytes:
    one = target.header(rows.shape, data=rows.ravel().tolist())
    return http(target.path, json.dumps({"inputs": [one], "outputs": [{"name": "nope"}]}).encode())


def _too_many_rows(target: Target, rows: Array, _: Random) -> bytes:
    many = np.resize(rows, (target.max_batch_size + 1, *rows.shape[1:]))
    return as_binary(target, many)


def _unknown_model(target: Target, rows: Array, random: Random) -> bytes:
    body = as_json(target, rows).partition(b"\r\n\r\n")[2]
    place = random.choice(
        ["nope", f"{target.model}/versions/99", f"{target.model}/versions/x", "%00", "../x"]
    )
    return http(f"/v2/models/{place}/infer", body)


def _wrong_path(_: Target, __: Array, random: Random) -> bytes:
    return http(random.choice(["/", "/v3", "/v2/models//infer", "/" + "x" * 5_000]), b"{}")


def _wrong_method(target: Target, _: Array, random: Random) -> bytes:
    return http(target.path, b"", method=random.choice(["GET", "DELETE", "PUT", "PATCH"]))


def _large_body(target: Target, rows: Array, random: Random) -> bytes:
    data = bytes(LARGE_BYTES if random.random() < 0.02 else LARGE_BYTES // 50)
    return binary(target, target.header(rows.shape), data)


def _not_http(_: Target, __: Array, random: Random) -> bytes:
    return random.choice(
        [
            random.randbytes(2_000) + b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(500),
            b"POST\r\n\r\n",
            b"GET / HTTP/9.9\r\nContent-Length: -5\r\n\r\n",
        ]
    )


def _nested(target: Target, rows: Array, random: Random) -> bytes:
    depth = random.randrange(10_000, 100_000)
    text = _json(target.header(rows.shape, data=0)).decode()
    text = text.replace('"data": 0', f'"data": {"[" * depth}{"]" * depth}')
    return http(target.path, text.encode())


KINDS = {
    "JSON nested deeply": _nested,
    "JSON that does not parse": _bad_json,
    "JSON cut short": _truncated_json,
    "text for numbers": _text_for_numbers,
    "too few numbers": _too_few_numbers,
    "Inference-Header-Content-Length lies": _head_length,
    "binary_data_size lies": _binary_size,
    "less bytes than said": _less_than_said,
    "more bytes than said": _more_than_said,
    "wrong shape": _wrong_shape,
    "wrong data type": _wrong_data_type,
    "wrong name": _wrong_name,
    "missing input": _missing_input,
    "input given twice": _input_twice,
    "unknown output": _unknown_output,
    "too many rows": _too_many_rows,
    "unknown model or version": _unknown_model,
    "wrong path": _wrong_path,
    "wrong method": _wrong_method,
    "large body": _large_body,
    "not HTTP": _not_http,
}
"""Malformed requests that are sent whole."""
