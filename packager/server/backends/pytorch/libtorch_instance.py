"""One instance of a TorchScript model inside Triton's Python stub.

Runs inside Triton's Python stub. It is a module of its own so that `model.py` need not import
torch: Triton starts a second, short-lived stub at every load.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import triton_python_backend_utils as pb_utils
from libtorch_batch import (  # type: ignore[import-not-found]
    Part,
    RequestError,
    join,
    named_outputs,
    read_request,
    require_batch,
    same_shape_groups,
    split,
)
from libtorch_contract import (  # type: ignore[import-not-found]
    Argument,
    LoadError,
    make_contract,
)
from libtorch_parameters import read_parameters  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Instance:
    """A loaded `model.pt`, judged against its configuration.

    Raises:
        LoadError: what libtorch refuses to load, or would end a server with.
    """

    def __init__(self, args: Mapping[str, str]) -> None:
        config = json.loads(args["model_config"])
        self._batching = config["max_batch_size"] > 0
        self._parameters = read_parameters(config["parameters"])
        self._device = _device(args)
        _set_threads(config, self._parameters.intra_op_threads)
        file = config.get("default_model_filename") or "model.pt"
        path = Path(args["model_repository"], args["model_version"], file)
        with torch.inference_mode(self._parameters.inference_mode):
            # KIND_MODEL leaves every tensor on the device it was saved on.
            anywhere = args["model_instance_kind"] == "MODEL"
            self._module = _load_module(path, args, None if anywhere else self._device)
        self._contract = make_contract(config, _arguments(self._module))
        self._batched_ranks = _ranks(config["input"]) if self._batching else {}

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer all requests with as few `forward` calls as their shapes allow."""
        answers: list[Any] = [None] * len(requests)
        parts = []
        for place, request in enumerate(requests):
            try:
                part = read_request(place, request, self._contract)
                require_batch(part, self._batched_ranks)
                parts.append(part)
            except RequestError as error:
                answers[place] = _failed(error)
        groups = list(same_shape_groups(parts, batching=self._batching))
        for group in groups:
            self._answer_group(group, answers, copied=len(groups) > 1)
        return answers

    def _answer_group(self, parts: Sequence[Part], answers: list[Any], *, copied: bool) -> None:
        """One `forward` for all; on failure find out which requests are to blame.

        If each works alone, the batch itself is what fails, as it would under libtorch.
        """
        batch_error = self._try(parts, answers, copied=copied)
        if batch_error is None:
            return
        alone = [batch_error]
        if len(parts) > 1:
            alone = [self._try([part], answers, copied=True) for part in parts]
        blame_all = not any(alone)
        for part, error in zip(parts, alone, strict=True):
            if error is not None or blame_all:
                answers[part.place] = _failed(error or batch_error)

    def _try(
        self, parts: Sequence[Part], answers: list[Any], *, copied: bool
    ) -> RequestError | None:
        """Answer the parts by one `forward`; return why that failed.

        Triton reads answers when all are made. A module may answer with memory of its own, over
        which its next `forward` writes: where there is another, answers are `copied`.
        """
        try:
            outputs = named_outputs(self._forward(parts), self._contract)
            for part, arrays in split(outputs, parts, batching=self._batching):
                answers[part.place] = _answered(arrays, copied=copied)
        except RequestError as error:
            return error
        return None

    def _forward(self, parts: Sequence[Part]) -> Any:
        self._parameters.apply()
        try:
            with torch.inference_mode(self._parameters.inference_mode), torch.no_grad():
                return self._module(*join(parts, self._contract, self._device))
        except Exception as error:
            raise RequestError(f"PyTorch execute failure: {error}", invalid=False) from error


def _ranks(inputs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Of the tensors that requests bring, the batch axis included."""
    return {
        tensor["name"]: len(tensor.get("reshape", {}).get("shape", tensor["dims"])) + 1
        for tensor in inputs
    }


def _device(args: Mapping[str, str]) -> torch.device:
    if args["model_instance_kind"] == "GPU":
        return torch.device("cuda", int(args["model_instance_device_id"]))
    return torch.device("cpu")


def _set_threads(config: Mapping[str, Any], asked: int | None) -> None:
    """Share the processors among the instances: each has a process of its own."""
    instances = sum(group["count"] for group in config.get("instance_group", ())) or 1
    share = max(1, torch.get_num_threads() // instances)
    torch.set_num_threads(asked if asked and asked > 0 else share)


def _load_module(path: Path, args: Mapping[str, str], device: torch.device | None) -> Any:
    name = args["model_name"]
    if not path.is_file():
        instance = args["model_instance_name"]
        raise LoadError(f"unable to find '{path}' for model instance '{instance}'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript's deprecation, at every load
        try:
            return torch.jit.load(path, map_location=device)  # type: ignore[no-untyped-call]
        except Exception as error:
            raise LoadError(f"failed to load model '{name}': {error}") from error


def _arguments(module: Any) -> list[Argument]:
    """What `forward` takes, without `self`."""
    try:
        # The only way to the types that a loaded `forward` takes.
        schema = module._c._get_method("forward").schema  # noqa: SLF001
    except RuntimeError as error:
        raise LoadError(str(error)) from error
    arguments = [Argument(a.name, a.type.kind(), str(a.type)) for a in schema.arguments]
    return arguments[1:] if arguments and arguments[0].kind == "ClassType" else arguments


def _answered(arrays: Mapping[str, Any], *, copied: bool) -> Any:
    tensors = [
        pb_utils.Tensor(name, array.copy() if copied else array) for name, array in arrays.items()
    ]
    return pb_utils.InferenceResponse(output_tensors=tensors)


def _failed(error: RequestError) -> Any:
    kind = pb_utils.TritonError.INVALID_ARG if error.invalid else pb_utils.TritonError.INTERNAL
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(error), kind))
