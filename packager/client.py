"""Requests to a running Triton: as JSON, with binary tensors over HTTP, and over gRPC."""

from __future__ import annotations

import time
from contextlib import contextmanager
from enum import Enum
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Self

from packager.errors import PackagerError, UnavailableError
from packager.model_metadata import durations, executions, metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from packager.model_metadata import Durations, Executions, ModelMetadata
    from packager.server.running import Endpoints

    Array = np.ndarray[Any, Any]

_POLL_S = 0.02
# How gRPC says that nobody answered; Triton itself uses UNAVAILABLE too, for models.
_NO_CONNECTION = ("failed to connect", "socket closed", "connection reset", "connection refused")


class WireFormat(Enum):
    """How tensors travel."""

    JSON = "json"
    BINARY = "binary"
    GRPC = "grpc"


class RequestError(PackagerError):
    """Triton answered with an error; `status` is HTTP's number or gRPC's name for it."""

    exit_code = 3

    def __init__(
        self, problem: str, *, where: str = "", remedy: str = "", status: str = ""
    ) -> None:
        super().__init__(problem, where=where, remedy=remedy)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        kind = partial(type(self), where=self.where, remedy=self.remedy, status=self.status)
        return kind, (self.problem,)


class Client:
    """Requests to one server, over HTTP unless a request names gRPC.

    Not for several threads at once: HTTP's connections belong to the thread that made them.
    """

    def __init__(self, endpoints: Endpoints, *, timeout_s: float = 60.0) -> None:
        # Imported late: 0.2 s that no command without a server should pay.
        from tritonclient import http  # noqa: PLC0415

        _keep_quiet_about_ctrl_c()
        self._endpoints = endpoints
        self._timeout_s = timeout_s
        self._http_module: Any = http
        self._http: Any = http.InferenceServerClient(
            endpoints.http, connection_timeout=timeout_s, network_timeout=timeout_s
        )
        self._grpc_module: Any = None
        self._grpc: Any = None
        self._output_names: dict[tuple[str, int], tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def endpoints(self) -> Endpoints:
        """The server that is asked."""
        return self._endpoints

    def close(self) -> None:
        """Close every connection; a stopping server waits for open ones."""
        self._http.close()
        if self._grpc is not None:
            self._grpc.close()

    def server_metadata(self) -> dict[str, Any]:
        """The server's name, version and extensions."""
        with self._errors(""):
            return dict(self._http.get_server_metadata())

    def is_ready(self) -> bool:
        """Whether the server answers and is ready; False when nobody answers."""
        try:
            with self._errors(""):
                return bool(self._http.is_server_ready())
        except UnavailableError:
            return False

    def is_model_ready(self, model: str, version: int | None = None) -> bool:
        """Whether that version, or any, answers requests."""
        with self._errors(model):
            return bool(self._http.is_model_ready(model, _text(version)))

    def wait_for_model(self, model: str, version: int | None = None, timeout_s: float = 60) -> None:
        """Block until the model answers requests.

        Raises:
            UnavailableError: it does not within the time.
        """
        deadline = time.monotonic() + timeout_s
        while not self.is_model_ready(model, version):
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"the server did not get it ready within {timeout_s:g} s",
                    where=_place(model, version),
                    remedy="look for the reason in the server's log",
                )
            time.sleep(_POLL_S)

    def model_metadata(self, model: str, version: int | None = None) -> ModelMetadata:
        """Names, data types and dims, the batch included, as the server reports them."""
        with self._errors(_place(model, version)):
            return metadata(self._http.get_model_metadata(model, _text(version)))

    def executions(self, model: str, version: int) -> Executions:
        """How often that version ran since it was loaded, and on how many rows at once."""
        with self._errors(_place(model, version)):
            return executions(self._http.get_inference_statistics(model, _text(version)))

    def durations(self, model: str, version: int) -> Durations:
        """How many requests that version has answered, and how long they took in the server."""
        with self._errors(_place(model, version)):
            return durations(self._http.get_inference_statistics(model, _text(version)))

    def model_config(self, model: str, version: int | None = None) -> dict[str, Any]:
        """The configuration in effect, with Triton's defaults filled in, as JSON values."""
        with self._errors(_place(model, version)):
            return dict(self._http.get_model_config(model, _text(version)))

    def infer(
        self, wire: WireFormat, model: str, version: int | None, inputs: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Every output by name; arrays have the batch first where the model batches.

        Raises:
            RequestError: Triton refuses the request, or the model fails on it.
            UnavailableError: nobody answers in time.
        """
        with self._errors(_place(model, version)):
            if wire is WireFormat.GRPC:
                return self._infer_grpc(model, version, inputs)
            return self._infer_http(wire, model, version, inputs)

    def classify(
        self,
        wire: WireFormat,
        model: str,
        version: int | None,
        inputs: Mapping[str, Array],
        counts: Mapping[str, int],
    ) -> dict[str, list[str]]:
        """Ask with Triton's classification extension: so many of the highest scores of outputs.

        Returns:
            `score:index:label` for each, row after row where the model batches, the highest first.

        Raises:
            RequestError: Triton refuses the request, or the model fails on it.
            UnavailableError: nobody answers in time.
        """
        with self._errors(_place(model, version)):
            if wire is WireFormat.GRPC:
                client, module = self._grpc_client(), self._grpc_module
                options, timeout = {}, {"client_timeout": self._timeout_s}
            else:
                client, module = self._http, self._http_module
                options, timeout = {"binary_data": wire is WireFormat.BINARY}, {}
            tensors = _infer_inputs(module.InferInput, inputs, **options)
            asked = [
                module.InferRequestedOutput(output, class_count=count, **options)
                for output, count in counts.items()
            ]
            answer = client.infer(model, tensors, _text(version), asked, **timeout)
            found = {output: answer.as_numpy(output).ravel().tolist() for output in counts}
        return {output: [_decoded(text) for text in texts] for output, texts in found.items()}

    def load(
        self, model: str, config_json: str | None = None, files: Mapping[str, bytes] | None = None
    ) -> None:
        """Load or reload in explicit mode; `files` by path (`1/model.pt`) replace the directory.

        Raises:
            RequestError: it did not load; the reason may be in the server's log only.
        """
        self._output_names.clear()
        contents = {f"file:{path}": content for path, content in (files or {}).items()}
        with self._errors(model):
            self._http.load_model(model, config=config_json, files=contents or None)

    def unload(self, model: str) -> None:
        """Unload every version in explicit mode."""
        self._output_names.clear()
        with self._errors(model):
            self._http.unload_model(model)

    def repository_index(self) -> list[dict[str, str]]:
        """Name, version, state and reason of every model the server knows."""
        with self._errors(""):
            return list(self._http.get_model_repository_index())

    def _infer_http(
        self, wire: WireFormat, model: str, version: int | None, inputs: Mapping[str, Array]
    ) -> dict[str, Array]:
        binary = wire is WireFormat.BINARY
        tensors = _infer_inputs(self._http_module.InferInput, inputs, binary_data=binary)
        outputs = None
        if not binary:  # without naming them, all outputs come as binary data
            outputs = [
                self._http_module.InferRequestedOutput(name, binary_data=False)
                for name in self._names_of_outputs(model, version)
            ]
        answer = self._http.infer(model, tensors, _text(version), outputs)
        names = [output["name"] for output in answer.get_response()["outputs"]]
        return {name: _owned(answer.as_numpy(name)) for name in names}

    def _infer_grpc(
        self, model: str, version: int | None, inputs: Mapping[str, Array]
    ) -> dict[str, Array]:
        client = self._grpc_client()
        tensors = _infer_inputs(self._grpc_module.InferInput, inputs)
        answer = client.infer(model, tensors, _text(version), client_timeout=self._timeout_s)
        names = [output.name for output in answer.get_response().outputs]
        return {name: _owned(answer.as_numpy(name)) for name in names}

    def _grpc_client(self) -> Any:
        if self._endpoints.grpc is None:
            raise UnavailableError(
                "the server's gRPC address is not known",
                where="server.grpc_url",
                remedy="give it, or use JSON or binary requests",
            )
        if self._grpc is None:
            from tritonclient import grpc  # noqa: PLC0415

            self._grpc_module = grpc
            self._grpc = grpc.InferenceServerClient(self._endpoints.grpc)
        return self._grpc

    def _names_of_outputs(self, model: str, version: int | None) -> tuple[str, ...]:
        key = (model, version or 0)
        if key not in self._output_names:
            metadata = self.model_metadata(model, version)
            self._output_names[key] = tuple(output.name for output in metadata.outputs)
        return self._output_names[key]

    @contextmanager
    def _errors(self, where: str) -> Iterator[None]:
        """Turn the clients' exceptions into ours."""
        from geventhttpclient.response import HTTPConnectionClosed  # noqa: PLC0415
        from tritonclient.utils import InferenceServerException  # noqa: PLC0415

        try:
            yield
        except InferenceServerException as error:
            status = (error.status() or "").removeprefix("StatusCode.")
            if nobody_answered(status, error.message()):
                raise self._unreachable(error.message(), self._endpoints.grpc) from error
            raise RequestError(
                error.message().strip().rstrip("."), where=where, status=status
            ) from error
        except (OSError, HTTPConnectionClosed) as error:
            raise self._unreachable(error, self._endpoints.http) from error
        except HTTPException as error:
            told = "what it sends is no HTTP; is this its gRPC port?"
            raise self._unreachable(told, self._endpoints.http) from error

    def _unreachable(self, reason: object, address: str | None) -> UnavailableError:
        return UnavailableError(
            f"the Triton server at {address} does not answer: {reason or 'timed out'}",
            where="server",
            remedy="check that it runs and that the address is right",
        )


def _keep_quiet_about_ctrl_c() -> None:
    """Have gevent, which raises an interrupt where we wait, not print it as well."""
    from gevent.hub import Hub  # noqa: PLC0415

    if KeyboardInterrupt not in Hub.NOT_ERROR:
        Hub.NOT_ERROR = (*Hub.NOT_ERROR, KeyboardInterrupt)


def nobody_answered(status: str, message: str) -> bool:
    """Return whether an error of gRPC's is that of no server: another try may succeed."""
    connectionless = any(text in message.lower() for text in _NO_CONNECTION)
    return status == "DEADLINE_EXCEEDED" or (status == "UNAVAILABLE" and connectionless)


def _infer_inputs(kind: Any, inputs: Mapping[str, Array], **options: bool) -> list[Any]:
    from tritonclient.utils import np_to_triton_dtype  # noqa: PLC0415

    tensors = []
    for name, array in inputs.items():
        tensor = kind(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array, **options)
        tensors.append(tensor)
    return tensors


def _decoded(text: bytes | str) -> str:
    """Return a text of Triton's: bytes in binary answers and gRPC's, and not in JSON."""
    return text.decode(errors="replace") if isinstance(text, bytes) else text


def _owned(array: Array) -> Array:
    """A writable array: views of an answer's bytes are not, and torch warns about them."""
    return array if array.flags.writeable else array.copy()


def _text(version: int | None) -> str:
    return "" if version is None else str(version)


def _place(model: str, version: int | None) -> str:
    return model if version is None else f"{model}/{version}"
