"""The requests that a build prints at its end: copy, paste, run."""

from __future__ import annotations

import json
import math
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.override_parser.types import Quote, QuotedString

from packager.model_config.render import config_dims

if TYPE_CHECKING:
    from packager.spec.recipe import Recipe

URL = "http://127.0.0.1:8000"
DEFAULT_REPOSITORY = "model_repository"


def examples(recipe: Recipe, *, repository: Path) -> str:
    """Return how to serve the repository, and how to ask the model by curl and from Python.

    The requests need nothing but curl and Python's standard library.
    """
    url = f"{URL}/v2/models/{recipe.name}/infer"
    request = _request(recipe)
    program = f"import json; print(json.dumps({request}))"
    return f"""
Serve it (here with Triton's standard ports free):

  {_serve(repository)}

Ask it, about one grey image, with curl or from Python:

  python3 -c {shlex.quote(program)} \\
    | curl -s {url} -d @-

  import json, urllib.request
  request = {request}
  body = json.dumps(request).encode()
  with urllib.request.urlopen("{url}", body, timeout=10) as answer:
      print(json.load(answer)["outputs"][0]["data"])
"""


def _request(recipe: Recipe) -> str:
    """Return a request for one sample as a Python expression."""
    tensor = recipe.inputs[0]
    dims = config_dims(tensor, recipe.serving)
    shape = [1, *dims] if recipe.serving.max_batch_size > 0 else list(dims)
    shape = [1 if size == -1 else size for size in shape]
    return (
        f'{{"inputs": [{{"name": {json.dumps(tensor.name)}, "shape": {shape},'
        f' "datatype": "{tensor.data_type.value}", "data": [0.5] * {math.prod(shape)}}}]}}'
    )


def _serve(repository: Path) -> str:
    """Return the command that serves the repository, by a Python that has packager."""
    command = [_python(), "-m", "packager", "task=serve"]
    if str(repository) != DEFAULT_REPOSITORY:
        path = QuotedString(text=str(repository), quote=Quote.single).with_quotes()
        command.append(f"repository.path={path}")
    return shlex.join(command)


def _python() -> str:
    """Return `python` where that is the one that runs now, else its path."""
    here = Path.cwd()
    running = Path(sys.executable)
    found = shutil.which("python")
    if found is not None and Path(found).parent == running.parent:
        return "python"
    return str(running.relative_to(here) if running.is_relative_to(here) else running)
