"""What the Python backend asks of a config: the archive of its environment.

Source: triton-inference-server/python_backend, src/stub_launcher.cc and src/pb_env.cc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.rules.rule import Judge, Rule, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.backend_fields import Identity
    from packager.model_config.rules.facts import ModelFiles
    from packager.model_config.rules.rule import Finding

ENVIRONMENT = Rule(
    id="TRN821",
    wording="Failed to get the canonical path for {path}.",
    remedy="put the environment of EXECUTION_ENV_PATH there; within the model's directory it is"
    " $$TRITON_MODEL_DIRECTORY/NAME, with two $",
    judge=Judge.backend,
)
RULES = (ENVIRONMENT,)

_KEY = "EXECUTION_ENV_PATH"
_DIRECTORY = "$$TRITON_MODEL_DIRECTORY"


def check(config: Any, identity: Identity, files: ModelFiles | None) -> Iterator[Finding]:
    """Yield an environment in the model's directory that is not there."""
    if identity.backend != "python" or files is None or _KEY not in config.parameters:
        return
    path = config.parameters[_KEY].string_value
    inside = path.removeprefix(_DIRECTORY)
    if path.startswith(_DIRECTORY[1:]):
        yield ENVIRONMENT.at("parameters", _KEY, path=path)
    elif inside != path and files.size(inside.lstrip("/")) is None:
        yield ENVIRONMENT.at("parameters", _KEY, path=Unknown(f"<model directory>{inside}"))
