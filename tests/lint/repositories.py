"""Repositories to check, written from a mapping of paths to contents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lint import repository
from packager.model_config.rules.facts import Host

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from packager.lint.located import Located

ANY_HOST = Host()

CLASSIFIER = """\
name: "{name}"
platform: "pytorch_libtorch"
max_batch_size: 8
input {{
  name: "input0"
  data_type: TYPE_FP32
  dims: [4]
}}
output {{
  name: "output0"
  data_type: TYPE_FP32
  dims: [3]
}}
"""
ENSEMBLE = """\
name: "{name}"
platform: "ensemble"
max_batch_size: 8
input {{ name: "X" data_type: TYPE_FP32 dims: [4] }}
output {{ name: "Y" data_type: TYPE_FP32 dims: [3] }}
ensemble_scheduling {{
  step {{
    model_name: "{member}"
    model_version: -1
    input_map {{ key: "input0" value: "X" }}
    output_map {{ key: "output0" value: "Y" }}
  }}
}}
"""


def classifier(name: str) -> dict[str, str]:
    """Return the files of a model in which nothing is to be found."""
    return {f"{name}/config.pbtxt": CLASSIFIER.format(name=name), f"{name}/1/model.pt": "model"}


def ensemble(name: str, *, member: str) -> dict[str, str]:
    """Return the files of an ensemble of one step."""
    text = ENSEMBLE.format(name=name, member=member)
    return {f"{name}/config.pbtxt": text, f"{name}/1/": ""}


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files; a path that ends with / is a directory."""
    for name, content in files.items():
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def check(root: Path, files: Mapping[str, str | bytes], host: Host = ANY_HOST) -> list[Located]:
    """Write a repository and return what is found in it."""
    return list(repository.check(str(write(root, files)), host=host).findings)


def ids(findings: list[Located]) -> list[tuple[str, str]]:
    """Return rule and file of each finding."""
    return [(one.rule_id, one.file) for one in findings]
