"""A process that publishes one tiny version, to be killed: `python -m ... ROOT NAME CHANGE SETTLE`.

With `identical` after that, all versions count as the same. Imports no torch. The model's files say
which version they are and which config they fit.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from packager.repository import transition
from packager.repository.manifest import sha256
from packager.repository.publish import prepare, publish
from packager.repository.staging import staged
from packager.spec.recipe import RepositorySpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.repository.layout import ModelPaths


IDENTITY = "what clients see"


class Change(Enum):
    """How a version's config differs from the one before it."""

    new = "new"
    same = "same"
    instances = "instances"
    breaking = "breaking"


def config(name: str, change: Change, number: int) -> str:
    """Return the config that a version is published with."""
    count = number % 2 + 1 if change is Change.instances else 1
    return f"""name: "{name}"
platform: "pytorch_libtorch"
max_batch_size: 0
input [{{ name: "{asked(change, number)}" data_type: TYPE_FP32 dims: [1] }}]
output [
  {{ name: "number" data_type: TYPE_FP32 dims: [1] label_filename: "labels.txt" }},
  {{ name: "mark" data_type: TYPE_FP32 dims: [1] }}
]
instance_group [{{ count: {count} kind: KIND_CPU }}]
parameters {{ key: "mark" value {{ string_value: "{mark(change, number)}" }} }}
model_warmup [{{ name: "one" batch_size: 1 inputs {{ key: "{asked(change, number)}" value {{
  data_type: TYPE_FP32 dims: [1] input_data_file: "{sample_file(change, number)}" }} }} }}]
"""


def asked(change: Change, number: int) -> str:
    """Return the name of a version's input."""
    return f"x{number % 2}" if change is Change.breaking else "x0"


def mark(change: Change, number: int) -> int:
    """Return what a version's config is known by."""
    return number if change is Change.breaking else 0


def sample(change: Change, number: int) -> bytes:
    """Return what a version is run with while it loads; of other instances now and then another."""
    value = number // 2 if change is Change.instances else mark(change, number)
    return struct.pack("<f", value)


def sample_file(change: Change, number: int) -> str:
    """Return the name of its file."""
    return f"input0-{hashlib.sha256(sample(change, number)).hexdigest()[:8]}"


def label(change: Change, number: int) -> str:
    """Return the one label of a version."""
    return f"label{mark(change, number)}"


def write(model: ModelPaths, name: str, change: Change, number: int) -> None:
    """Write all files of a staged version, whatever its number will be."""
    text = config(name, change, number)
    version = {
        "number": number,
        "input": asked(change, number),
        "mark": str(mark(change, number)),
    }
    model.artifact(1).write_text(json.dumps(version))
    for folder in (model.warmup, model.version_warmup(1)):
        folder.mkdir(exist_ok=True)
        (folder / sample_file(change, number)).write_bytes(sample(change, number))
    manifest = {
        "number": number,
        "identity": IDENTITY,
        "config": text,
        "host_configs": {"gpu": text},
        "labels": [label(change, number)],
        "files": {model.artifact(1).name: sha256(model.artifact(1))},
    }
    model.manifest(1).write_text(json.dumps(manifest))
    model.config.write_text(text)
    model.labels.write_text(f"{label(change, number)}\n")
    model.configs.mkdir(exist_ok=True)
    model.host_config("gpu").write_text(text)


def main(arguments: Sequence[str]) -> None:
    """Publish one version as a build does, and print its number."""
    root, name, change = Path(arguments[0]), arguments[1], Change(arguments[2])
    transition.SETTLE_S = float(arguments[3])
    repository = RepositorySpec(path=root / "models", staging=root / ".models.staging")
    prepare(repository)
    with staged(repository, name) as model:
        model.version(1).mkdir()
        published = publish(
            model,
            repository,
            identity=IDENTITY if "identical" in arguments else "",
            finish=lambda number: write(model, name, change, number),
        )
    print(published.version)  # noqa: T201  for whoever started this


if __name__ == "__main__":
    main(sys.argv[1:])
