"""Model files that hold no model: empty ones, and what git-LFS leaves where it did not run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from packager.model_config.rules import versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.lint.disk import ModelDirectory
    from packager.model_config.rules.backend_fields import Identity
    from packager.model_config.rules.rule import Finding

_POINTER = b"version https://git-lfs.github.com/spec/"
_LARGEST_POINTER_BYTES = 1024


def check(config: Any, known: Identity, files: ModelDirectory) -> Iterator[Finding]:
    """Yield the model's file of each version that is served, where there is nothing in it."""
    for path in versions.artifacts(config, known, files):
        size = files.size(path)
        if size is None or size > _LARGEST_POINTER_BYTES or not files.is_regular(path):
            continue
        if size == 0:
            yield versions.EMPTY_FILE.at("default_model_filename", path=path)
        elif _is_pointer(os.path.join(files.path, path)):  # noqa: PTH118  speed
            yield versions.POINTER.at("default_model_filename", path=path)


def _is_pointer(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123  speed
            return file.read(len(_POINTER)) == _POINTER
    except OSError:
        return False
