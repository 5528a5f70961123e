"""The fields by which a model's backend is chosen, completed as Triton completes them.

Source: core, src/model_config_utils.cc (AutoCompleteBackendFields).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packager.model_config.rules.facts import ModelFiles

ENSEMBLE = "ensemble"

PLATFORMS = {
    "tensorflow_graphdef": ("tensorflow", "model.graphdef"),
    "tensorflow_savedmodel": ("tensorflow", "model.savedmodel"),
    "tensorrt_plan": ("tensorrt", "model.plan"),
    "onnxruntime_onnx": ("onnxruntime", "model.onnx"),
    "pytorch_libtorch": ("pytorch", "model.pt"),
}
"""Platform -> its backend, and its file in a version directory."""
KNOWN_BACKENDS = {backend: platform for platform, (backend, _) in PLATFORMS.items()}
DEFAULT_FILES = {
    "tensorrt": "model.plan",
    "onnxruntime": "model.onnx",
    "openvino": "model.xml",
    "pytorch": "model.pt",
    "python": "model.py",
}
"""Backend -> file in a version directory, in the order in which Triton looks for them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What Triton makes of a config's own fields, its files and its directory's name.

    `backend` is empty for an ensemble, and where it cannot be inferred. `directory` is the name of
    the model's directory, `model` where that is not known.
    """

    model: str
    directory: str
    platform: str
    backend: str
    file: str


def infer(config: Any, files: ModelFiles | None) -> Identity:
    """Return the model's name, platform, backend and file, completed as Triton does."""
    directory = files.name if files else config.name
    model = config.name or directory
    platform, backend = config.platform, config.backend
    file = config.default_model_filename
    inside = _Inside(files)
    if not platform and backend in ("", "tensorflow"):
        platform = _tensorflow(file, inside)
    if platform in ("tensorflow_graphdef", "tensorflow_savedmodel"):
        backend = backend or "tensorflow"
    elif not backend:
        backend = _backend(platform, file, inside)
        if not backend and not platform and not file and "." in directory:
            backend = directory.partition(".")[2]
            file = f"model.{backend}"
    if not platform and backend in ("tensorrt", "onnxruntime", "pytorch"):
        platform = KNOWN_BACKENDS[backend]
    file = file or DEFAULT_FILES.get(backend, "") or PLATFORMS.get(platform, ("", ""))[1]
    return Identity(model=model, directory=directory, platform=platform, backend=backend, file=file)


class _Inside:
    """What is in the first of a model's directories: the one by which Triton infers a backend."""

    def __init__(self, files: ModelFiles | None) -> None:
        self._files = files
        directories = files.directories() if files else []
        self._first = directories[0] if directories else None

    def has(self, name: str, *, directory: bool | None = None) -> bool:
        if self._files is None or self._first is None:
            return False
        if name not in self._files.entries(self._first):
            return False
        return directory in (None, self._files.is_directory(f"{self._first}/{name}"))


def _tensorflow(file: str, inside: _Inside) -> str:
    if file in ("model.savedmodel", "model.graphdef"):
        return f"tensorflow_{file.partition('.')[2]}"
    if file:
        return ""
    if inside.has("model.graphdef", directory=False):
        return "tensorflow_graphdef"
    return "tensorflow_savedmodel" if inside.has("model.savedmodel", directory=True) else ""


def _backend(platform: str, file: str, inside: _Inside) -> str:
    for backend, own in DEFAULT_FILES.items():
        of_platform = platform and platform == KNOWN_BACKENDS.get(backend)
        if of_platform or file == own:
            return backend
        # ONNX and OpenVINO models may be directories.
        kind = False if backend in ("tensorrt", "pytorch") else None
        if not platform and not file and inside.has(own, directory=kind):
            return backend
    return ""
