"""The requests that a build prints at its end: copy, paste, run."""

from __future__ import annotations

import dataclasses
import json
import math
import shlex
from typing import TYPE_CHECKING

from packager.model_config.render import config_dims
from packager.proof.inputs import sizes
from packager.spec.tensors import DataType
from packager.tasks import commands

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe
    from packager.spec.tensors import TensorSpec

URL = "http://127.0.0.1:8000"

VALUES = {
    DataType.BOOL: "True",
    DataType.UINT8: "128",
    DataType.FP16: "0.5",
    DataType.FP32: "0.5",
    DataType.FP64: "0.5",
}
"""What an example sends, as Python writes it; 1 for the other types, which may be indices."""

NUMPY_NAMES = {
    DataType.BOOL: "bool",
    DataType.FP16: "float16",
    DataType.FP32: "float32",
    DataType.FP64: "float64",
} | {data_type: data_type.value.lower() for data_type in DataType if "INT" in data_type.value}


def examples(recipe: Recipe, *, repository: str) -> str:
    """Return how to serve the repository, and how to ask the model by curl and from Python.

    The requests need nothing but curl and Python's standard library; where a tensor is FP16,
    which JSON does not carry, Triton's own client.
    """
    tensors = (*recipe.inputs, *recipe.outputs)
    half = any(tensor.data_type is DataType.FP16 for tensor in tensors)
    return f"""
Serve it (here with Triton's standard ports free):

  {commands.serve(repository, recipe.name)}

{_by_client(recipe) if half else _by_json(recipe)}"""


def _by_json(recipe: Recipe) -> str:
    url = f"{URL}/v2/models/{recipe.name}/infer"
    request = f'{{"inputs": [{", ".join(_tensor(tensor, recipe) for tensor in recipe.inputs)}]}}'
    program = f"import json; print(json.dumps({request}))"
    return f"""Ask it, {_about(recipe)}, with curl or from Python:

  python3 -c {shlex.quote(program)} \\
    | curl -s {url} -d @-

  import json, urllib.request
  request = {request}
  body = json.dumps(request).encode()
  with urllib.request.urlopen("{url}", body, timeout=10) as answer:
      {_printed(recipe)}
"""


def _by_client(recipe: Recipe) -> str:
    inputs = "\n".join(
        f"  inputs.append(http.InferInput({json.dumps(tensor.name)}, {_shape(tensor, recipe)},"
        f' "{tensor.data_type.value}"))\n'
        f"  inputs[-1].set_data_from_numpy(numpy.full({_shape(tensor, recipe)},"
        f' {VALUES.get(tensor.data_type, "1")}, "{NUMPY_NAMES[tensor.data_type]}"))'
        for tensor in recipe.inputs
    )
    return f"""Ask it, {_about(recipe)}, from Python by Triton's client, as JSON has no FP16:

  import numpy
  from tritonclient import http
  inputs = []
{inputs}
  client = http.InferenceServerClient("{URL.removeprefix("http://")}")
  answer = client.infer("{recipe.name}", inputs)
  for output in answer.get_response()["outputs"]:
      print(output["name"], answer.as_numpy(output["name"]).tolist())
"""


def _about(recipe: Recipe) -> str:
    return "about one made-up sample" if recipe.dataset is None else "about one grey image"


def _printed(recipe: Recipe) -> str:
    if len(recipe.outputs) == 1:
        return 'print(json.load(answer)["outputs"][0]["data"])'
    return (
        'for output in json.load(answer)["outputs"]:\n'
        '          print(output["name"], output["data"])'
    )


def _tensor(tensor: TensorSpec, recipe: Recipe) -> str:
    """Return one sample's input as a Python expression."""
    shape = _shape(tensor, recipe)
    value = VALUES.get(tensor.data_type, "1")
    return (
        f'{{"name": {json.dumps(tensor.name)}, "shape": {shape},'
        f' "datatype": "{tensor.data_type.value}", "data": [{value}] * {math.prod(shape)}}}'
    )


def _shape(tensor: TensorSpec, recipe: Recipe) -> list[int]:
    """Return a request's shape; what varies is one row, and else as the proofs tried it."""
    serving = recipe.serving
    fixed = dataclasses.replace(tensor, dims=sizes(tensor))
    dims = config_dims(fixed, serving)
    shape = [1, *dims] if serving.max_batch_size > 0 else list(dims)
    return [1 if size == -1 else size for size in shape]
