"""A golden request sent once more, and its answer held to the golden response; without torch."""

from __future__ import annotations

import http.client
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from packager.errors import UnavailableError
from packager.proof.tolerances import TOP1_AGREEMENT

TIMEOUT_S = 60.0
OK = 200

DTYPES = {
    "BOOL": np.dtype("?"),
    **{f"UINT{bits}": np.dtype(f"u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"i{bits // 8}") for bits in (8, 16, 32, 64)},
    "FP32": np.dtype("f4"),
    "FP64": np.dtype("f8"),
}

Tensor = Mapping[str, Any]
"""A tensor as the KServe v2 protocol writes it in JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """What a server made of a golden request: what it answered otherwise, and the largest error."""

    problems: tuple[str, ...]
    relative_error: float | None = None

    @property
    def finding(self) -> str:
        """What to say where there is no problem."""
        if self.relative_error is None:
            return "answers as when it was proven"
        return f"answers as when it was proven, max error {self.relative_error:.1e} of max|y|"


@dataclass(frozen=True, slots=True)
class Asked:
    """A server's model of one version, by its `host:port`."""

    endpoint: str
    model: str
    version: int

    @property
    def _path(self) -> str:
        return f"/v2/models/{quote(self.model, safe='')}/versions/{self.version}"

    def is_served(self) -> bool:
        """Whether the server answers for it.

        Raises:
            UnavailableError: nobody answers.
        """
        return self._answered("GET", f"{self._path}/ready")[0] == OK

    def replay(self, request: bytes, response: bytes, *, tolerance: float) -> Replay:
        """Send the very bytes of a request, and compare the answer.

        Floats may be off by `tolerance` of the largest one.

        Raises:
            UnavailableError: nobody answers.
        """
        status, body = self._answered("POST", f"{self._path}/infer", request)
        if status != OK:
            told = body.decode(errors="replace").strip()
            return Replay(problems=(f"refuses its golden request: {status} {told}",))
        try:
            return compared(json.loads(body), json.loads(response), tolerance=tolerance)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # Something else than a server of this protocol may answer at that address.
            return Replay(problems=("answers its golden request with no response of KServe v2",))

    def _answered(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.endpoint, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(
                f"the server at {self.endpoint} does not answer: {error or type(error).__name__}",
                where="server.url",
                remedy="check that it runs and that the address is right",
            ) from error
        finally:
            connection.close()


def compared(found: Mapping[str, Any], expected: Mapping[str, Any], *, tolerance: float) -> Replay:
    """Hold a response to the one expected, output by output; integers as the proofs do."""
    answers = {tensor["name"]: tensor for tensor in found.get("outputs", ())}
    problems, errors = [], []
    for tensor in expected["outputs"]:
        name = tensor["name"]
        if name not in answers:
            problems.append(f"gives no output '{name}'")
            continue
        problem, error = _compared(answers[name], tensor, tolerance)
        if problem:
            problems.append(f"answers otherwise than when it was proven: output '{name}' {problem}")
        elif error is not None:
            errors.append(error)
    return Replay(problems=tuple(problems), relative_error=max(errors, default=None))


def _compared(found: Tensor, expected: Tensor, tolerance: float) -> tuple[str, float | None]:
    """Return what is wrong of an output, or nothing, and the largest error of floats."""
    for key, told in (("datatype", lambda one: one["datatype"]), ("shape", _shape)):
        if told(found) != told(expected):
            return f"is {key} {found[key]}, and was {expected[key]}", None
    try:
        ours, theirs = _array(found), _array(expected)
    except (TypeError, ValueError, OverflowError):
        return f"holds what is no {expected['datatype']}", None
    if not np.issubdtype(theirs.dtype, np.floating):
        return next(_differing(ours, theirs), ""), None
    error = _relative_error(ours.astype(np.float64), theirs.astype(np.float64))
    if error <= tolerance:
        return "", error
    return f"is off by {error:.1e} of max|y|, allowed {tolerance:.0e}", None


def _shape(tensor: Tensor) -> list[int]:
    """Return a shape without axes of one, which a module need not have where a server does."""
    return [size for size in tensor["shape"] if size != 1]


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = np.array(tensor["data"], dtype=DTYPES[tensor["datatype"]])
    return values.reshape(tensor["shape"])


def _relative_error(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    if not expected.size:
        return 0.0
    found = found.reshape(expected.shape)
    if not np.isfinite(found).all():
        return math.inf
    error, scale = float(np.abs(found - expected).max()), float(np.abs(expected).max())
    return error / scale if scale else error


def _differing(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> Iterator[str]:
    """Yield in how many integers two outputs differ, where these are too many."""
    wrong = found.reshape(expected.shape) != expected
    count = int(wrong.sum())
    columns = wrong.sum(axis=0) if wrong.ndim else wrong
    if count > (1 - TOP1_AGREEMENT) * wrong.size or int(columns.max(initial=0)) > 1:
        yield f"differs in {count:,} of {wrong.size:,} elements"
