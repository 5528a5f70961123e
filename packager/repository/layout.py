"""Where everything lies in a model repository; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from packager.export.artifact import ARTIFACT_NAME
from packager.model_config.render import LABELS_FILE

CONFIG_FILE = "config.pbtxt"
CONFIGS_FOLDER = "configs"
MANIFEST_FILE = "manifest.json"
METRICS_FILE = "metrics.jsonl"
SIGNATURE_FILE = "model.sig"
GOLDEN_REQUEST_FILE = "golden_request.json"
GOLDEN_RESPONSE_FILE = "golden_response.json"
WARMUP_FOLDER = "warmup"


@dataclass(frozen=True, slots=True)
class ModelPaths:
    """The files of one model, at its directory `<repository>/<name>`."""

    directory: Path

    @property
    def config(self) -> Path:
        """`config.pbtxt`, which belongs to the model and not to a version."""
        return self.directory / CONFIG_FILE

    @property
    def configs(self) -> Path:
        """The directory of the configs for kinds of hosts; it may be missing."""
        return self.directory / CONFIGS_FOLDER

    def host_config(self, host: str) -> Path:
        """Return the config for one kind of host: `--model-config-name=<host>` chooses it."""
        return self.configs / f"{host}.pbtxt"

    def host_configs(self) -> dict[str, Path]:
        """Return the configs for kinds of hosts that are on disk, by name."""
        return {path.stem: path for path in sorted(self.configs.glob("*.pbtxt"))}

    @property
    def labels(self) -> Path:
        """One class name a line; belongs to the model too."""
        return self.directory / LABELS_FILE

    @property
    def warmup(self) -> Path:
        """The directory of the samples that configs name; Triton reads them while it loads."""
        return self.directory / WARMUP_FOLDER

    def version(self, number: int) -> Path:
        """Return a version's directory."""
        return self.directory / str(number)

    def artifact(self, number: int) -> Path:
        """Return a version's model file."""
        return self.version(number) / ARTIFACT_NAME

    def manifest(self, number: int) -> Path:
        """Return a version's manifest."""
        return self.version(number) / MANIFEST_FILE

    def signature(self, number: int) -> Path:
        """Return the signature of a version's other files, where it is signed."""
        return self.version(number) / SIGNATURE_FILE

    def version_warmup(self, number: int) -> Path:
        """Return the directory of the samples that a version came with."""
        return self.version(number) / WARMUP_FOLDER

    def metrics(self, number: int) -> Path:
        """Return the metrics of a version's training, one epoch a line."""
        return self.version(number) / METRICS_FILE
