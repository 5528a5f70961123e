"""Models small enough to upload by the dozen, staged as a build stages them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packager.repository.layout import ModelPaths
from packager.repository.manifest import identity, sealed
from packager.repository.remote.publish import Published, publish
from packager.spec.plain import plain
from packager.spec.serving import VersionPolicySpec

if TYPE_CHECKING:
    from packager.spec.recipe import RemoteRepositorySpec

LATEST = "latest { num_versions: 1 }"
CONFIG = """name: "%s"
platform: "pytorch_libtorch"
max_batch_size: 8
input [ { name: "x" data_type: TYPE_FP32 dims: [ 4 ] } ]
output [
  {
    name: "y"
    data_type: TYPE_FP32
    dims: [ 2 ]
    label_filename: "labels.txt"
  }
]
# %s
%sversion_policy {
  %s
}
"""
WARMUP = """model_warmup {
  name: "one"
  batch_size: 1
  inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 4 ] input_data_file: "%s" } }
}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """A version whose every file says `mark`; `NUMBER` in the policy is its own.

    `sample`, where it is given, is what it is run with while it loads.
    """

    mark: str
    name: str = "m"
    policy: str = LATEST
    hosts: tuple[str, ...] = ()
    size: int = 100
    sample: bytes = b""

    @property
    def files(self) -> dict[str, bytes]:
        """The files of its directory."""
        metrics = json.dumps({"mark": self.mark}) + "\n"
        samples = {f"warmup/{self.sample_file}": self.sample} if self.sample else {}
        weights = self.mark.encode() * self.size
        return {"model.pt": weights, "metrics.jsonl": metrics.encode(), **samples}

    @property
    def sample_file(self) -> str:
        """The name of the sample's file."""
        return f"input0-{hashlib.sha256(self.sample).hexdigest()[:8]}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of its two classes."""
        return (self.mark, "other")

    def stage(self, model: ModelPaths) -> None:
        """Write what does not depend on the number."""
        model.version(1).mkdir(parents=True)
        for name, content in self.files.items():
            (model.version(1) / name).parent.mkdir(exist_ok=True)
            (model.version(1) / name).write_bytes(content)
        model.labels.write_text("".join(f"{label}\n" for label in self.labels))
        if self.hosts:
            model.configs.mkdir()

    def finish(self, model: ModelPaths, number: int) -> None:
        """Write configs and manifest."""
        model.config.write_text(self._config(number))
        for host, text in self._host_configs(number).items():
            model.host_config(host).write_text(text)
        model.manifest(1).write_text(sealed(self._manifest(number)))

    @property
    def identity(self) -> str:
        """What tells it from other versions."""
        return str(self._manifest(1)["identity"])

    def _config(self, number: int) -> str:
        warmup = WARMUP % self.sample_file if self.sample else ""
        return CONFIG % (self.name, self.mark, warmup, self.policy.replace("NUMBER", str(number)))

    def _host_configs(self, number: int) -> dict[str, str]:
        return {host: f"# {host}\n{self._config(number)}" for host in self.hosts}

    def _manifest(self, number: int) -> dict[str, object]:
        config, policy = self._config(number), VersionPolicySpec()
        files = {name: hashlib.sha256(one).hexdigest() for name, one in self.files.items()}
        texts = {
            "config": config,
            "host_configs": self._host_configs(number),
            "labels": list(self.labels),
        }
        return {
            **texts,
            "format": 2,
            "files": files,
            "config_sha256": hashlib.sha256(config.encode()).hexdigest(),
            "identity": identity(files=files, texts=texts, policy=policy, is_proven_live=False),
            "recipe": {"serving": {"version_policy": plain(policy)}},
            "times": {},
        }


def publish_marked(
    spec: RemoteRepositorySpec, mark: str | Marked, *, same: bool = False, **more: object
) -> Published:
    """Stage and publish a version; `same` is whether one of the same mark is looked for."""
    one = mark if isinstance(mark, Marked) else replace(Marked(mark=mark), **more)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        model = ModelPaths(Path(folder) / one.name)
        one.stage(model)
        return publish(
            model,
            spec,
            identity=one.identity if same else "",
            finish=partial(one.finish, model),
        )
