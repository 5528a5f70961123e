"""What a model is and who runs it: `name`, `platform`, `backend`, `max_batch_size`, agents.

Source: core, src/model_config_utils.cc (ValidateModelConfig), src/backend_model.cc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.model_config.rules.backend_fields import ENSEMBLE, KNOWN_BACKENDS, PLATFORMS
from packager.model_config.rules.rule import Judge, Rule, Severity, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.model_config.rules.backend_fields import Identity
    from packager.model_config.rules.facts import Host, ModelFiles
    from packager.model_config.rules.rule import Finding

AGENT = Rule(
    id="TRN102",
    wording="unable to find 'libtritonrepoagent_{agent}.so' for repo agent '{agent}',"
    " searched: {searched}",
    remedy="install the agent on the server (--repoagent-directory), or remove the field",
)
UNDETERMINED = Rule(
    id="TRN103",
    wording="Invalid model name: Could not determine backend for model '{model}' with no backend"
    " in model configuration. Expected model name of the form 'model.<backend_name>'.",
    remedy='set platform or backend, for example platform: "pytorch_libtorch"',
)
PLATFORM = Rule(
    id="TRN104",
    wording="unexpected platform type '{platform}' for {model}",
    remedy="use a platform that Triton knows (pytorch_libtorch, onnxruntime_onnx, tensorrt_plan,"
    " tensorflow_savedmodel, tensorflow_graphdef, ensemble), or name the backend; newer releases"
    " know more (torch_aoti: from 26.03)",
)
ENSEMBLE_BACKEND = Rule(
    id="TRN105",
    wording="Ensemble model '{model}' must have platform type 'ensemble' and empty backend type",
    remedy="remove backend: an ensemble has none",
)
PAIR = Rule(
    id="TRN106",
    wording="unexpected 'platform' and 'backend' pair, got:{platform}, {backend}",
    remedy="leave platform out, or give the one that belongs to the backend",
)
MAX_BATCH_SIZE = Rule(
    id="TRN107",
    wording="'max_batch_size' must be non-negative value for {model}",
    remedy="set 0 for no batching, or the largest batch",
    key="serving.max_batch_size",
)
DIRECTORY = Rule(
    id="TRN108",
    wording="unexpected directory name '{directory}' for model '{model}', directory name must"
    " equal model name",
    remedy="rename the directory or the model, or leave name out",
    key="name",
)
CACHE_DECOUPLED = Rule(
    id="TRN109",
    wording="Response Cache does not currently support model {model} with 'decoupled' transaction"
    " policy. Please disable the response cache.",
    remedy="remove response_cache, or model_transaction_policy",
)
BACKEND_MISSING = Rule(
    id="TRN110",
    wording="unable to find backend library for backend '{backend}', try specifying runtime on the"
    " model configuration.",
    remedy="correct the backend's name, or install it on the server (--backend-directory)",
)
BATCH_STRATEGY = Rule(
    id="TRN111",
    wording="TRITON_BATCH_STRATEGY_PATH cannot be specified with sequence batcher, using default"
    " batching strategy",
    remedy="remove the parameter, or sequence_batching",
)
RUNTIME_MISSING = Rule(
    id="TRN113",
    wording="unable to find backend library '{runtime}' for model '{model}', searched: {searched}",
    remedy="correct runtime, or leave it out",
)
BATCH_LIBRARY = Rule(
    id="TRN114",
    wording="Batching library path not found: {path}",
    remedy="give the path of the library that batches, or remove the parameter",
)
NO_AGENT = Rule(
    id="TRN115",
    wording="model_repository_agents without agents: Triton ends when it reads it",
    remedy="name an agent, or remove the field",
    judge=Judge.abort,
)
NEAR_BACKEND = Rule(
    id="TRN117",
    wording="no backend of Triton's is called '{backend}': did you mean '{meant}'?",
    remedy="correct the name, or put a backend of this name on the server",
    judge=Judge.packager,
    severity=Severity.warning,
)
RULES = (
    AGENT,
    UNDETERMINED,
    PLATFORM,
    ENSEMBLE_BACKEND,
    PAIR,
    MAX_BATCH_SIZE,
    DIRECTORY,
    CACHE_DECOUPLED,
    BACKEND_MISSING,
    BATCH_STRATEGY,
    RUNTIME_MISSING,
    BATCH_LIBRARY,
    NO_AGENT,
    NEAR_BACKEND,
)

_MEANT = {platform: backend for platform, (backend, _) in PLATFORMS.items()} | {
    "onnx": "onnxruntime",
    "onnx_runtime": "onnxruntime",
    "ort": "onnxruntime",
    "libtorch": "pytorch",
    "torch": "pytorch",
    "torchscript": "pytorch",
    "trt": "tensorrt",
    "tf": "tensorflow",
    "savedmodel": "tensorflow",
    "py": "python",
}
"""What is written for a backend -> its name."""


def check_agents(config: Any, host: Host) -> Iterator[Finding]:
    """Yield repository agents that the host lacks; Triton asks them before anything else."""
    asked = config.HasField("model_repository_agents")
    if asked and not config.model_repository_agents.agents:
        yield NO_AGENT.at("model_repository_agents")
    for index, agent in enumerate(config.model_repository_agents.agents):
        if host.agents is not None and agent.name not in host.agents:
            yield AGENT.at(
                *("model_repository_agents", "agents", index, "name"),
                agent=agent.name,
                searched=Unknown("<its repoagent directory>"),
            )


def check(config: Any, identity: Identity) -> Iterator[Finding]:
    """Yield what is wrong with platform, backend and max_batch_size, in Triton's order."""
    model, platform, backend = identity.model, identity.platform, identity.backend
    place = "backend" if config.backend else "platform"
    nothing_given = not (config.platform or config.backend or config.default_model_filename)
    if not backend and nothing_given:
        yield UNDETERMINED.at(model=identity.directory)
    elif not backend and platform != ENSEMBLE:
        yield PLATFORM.at("platform", platform=platform, model=model)
    elif backend and platform == ENSEMBLE:
        yield ENSEMBLE_BACKEND.at(place, model=model)
    elif not _belong_together(platform, backend):
        yield PAIR.at("platform", platform=platform, backend=backend)
    if config.max_batch_size < 0:
        yield MAX_BATCH_SIZE.at("max_batch_size", model=model)


def check_cache(config: Any, model: str) -> Iterator[Finding]:
    """Yield a response cache in a decoupled model."""
    if config.model_transaction_policy.decoupled and config.response_cache.enable:
        yield CACHE_DECOUPLED.at("response_cache", model=model)


def check_directory(identity: Identity, files: ModelFiles | None) -> Iterator[Finding]:
    """Yield a model whose directory has another name."""
    if files is not None and identity.model != files.name:
        yield DIRECTORY.at("name", directory=files.name, model=identity.model)


def check_backend(
    config: Any, identity: Identity, files: ModelFiles | None, host: Host
) -> Iterator[Finding]:
    """Yield a backend that neither the host nor the model's own directories hold."""
    backend, runtime = identity.backend, config.runtime
    if files is None or not backend:
        return
    library = runtime or f"libtriton_{backend}.so"
    places = [*(f"{name}/{library}" for name in files.directories()), library]
    if any(files.size(place) is not None for place in places):
        return
    if runtime and host.libraries is not None and f"{backend}/{runtime}" not in host.libraries:
        searched = Unknown("<the model's directories and the backend's>")
        yield RUNTIME_MISSING.at(
            "runtime", runtime=runtime, model=identity.model, searched=searched
        )
    elif not runtime and host.backends is not None and backend not in host.backends:
        yield BACKEND_MISSING.at("backend" if config.backend else "platform", backend=backend)


def check_backend_name(
    config: Any, identity: Identity, files: ModelFiles | None, host: Host
) -> Iterator[Finding]:
    """Yield a platform's name, or a short one, where the backend's belongs."""
    backend = config.backend
    if backend not in _MEANT or host.backends is not None or config.runtime or files is None:
        return
    places = [*files.directories(), "."]
    if all(files.size(f"{one}/libtriton_{backend}.so") is None for one in places):
        yield NEAR_BACKEND.at("backend", backend=identity.backend, meant=_MEANT[backend])


def check_batch_strategy(config: Any) -> Iterator[Finding]:
    """Yield a custom batching strategy beside the sequence batcher."""
    key = "TRITON_BATCH_STRATEGY_PATH"
    if config.HasField("sequence_batching") and key in config.parameters:
        yield BATCH_STRATEGY.at("parameters", key)
    elif key in config.parameters and not config.parameters[key].string_value:
        yield BATCH_LIBRARY.at("parameters", key, path="")


def _belong_together(platform: str, backend: str) -> bool:
    """Return whether Triton takes the pair; of a backend that it does not know, any."""
    if backend not in KNOWN_BACKENDS:
        return True
    return PLATFORMS.get(platform, ("", ""))[0] == backend
