"""The requests that a build prints at its end: copy, paste, run."""

from __future__ import annotations

import json
import math
import shlex
from typing import TYPE_CHECKING

from packager.model_config.render import config_dims

if TYPE_CHECKING:
    from pathlib import Path

    from packager.spec.recipe import Recipe

URL = "http://127.0.0.1:8000"
DEFAULT_REPOSITORY = "model_repository"


def examples(recipe: Recipe, version: int, *, repository: Path) -> str:
    """Return how to serve the repository and how to ask the model, by curl and by Python."""
    tensor = recipe.inputs[0]
    dims = config_dims(tensor, recipe.serving)
    shape = [1, *dims] if recipe.serving.max_batch_size > 0 else list(dims)
    shape = [1 if size == -1 else size for size in shape]
    url = f"{URL}/v2/models/{recipe.name}/versions/{version}/infer"
    pixels = f"[0.5] * {math.prod(shape)}"
    request = (
        f'{{"inputs": [{{"name": {json.dumps(tensor.name)}, "shape": {shape},'
        f' "datatype": "{tensor.data_type.value}", "data": {pixels}}}]}}'
    )
    program = f"import json; print(json.dumps({request}))"
    serve = ["python", "-m", "packager", "task=serve"]
    if str(repository) != DEFAULT_REPOSITORY:
        serve.append(f"repository.path='{repository}'")
    return f"""
Serve it, then ask it (here about one grey image) by curl or from Python:

  {shlex.join(serve)}

  python3 -c {shlex.quote(program)} \\
    | curl -s {url} -d @-

  import requests
  request = {request}
  answer = requests.post("{url}", json=request, timeout=10)
  print(answer.json()["outputs"][0]["data"])
"""
