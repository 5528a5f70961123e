"""Names of a sweep's models: the recipe's, with what was swept appended."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMED_BY_THEMSELVES = {"model", "name"}
"""Keys whose sweep gives distinct names without help."""

UNSAFE = re.compile(r"[^A-Za-z0-9_.\-]+|\.{2,}")

MOST = 128
"""The most characters of a model's name."""


def swept_keys(overrides: Sequence[str]) -> list[str]:
    """Return the keys with more than one value, in the order given."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    keys = [_key(one.get_key_element()) for one in parsed if one.is_sweep_override()]
    return [key for key in keys if key not in NAMED_BY_THEMSELVES]


def suffix(keys: Sequence[str], overrides: Sequence[str]) -> str:
    """Return what to append to a job's name, for example `-count_2-lr_0.01`.

    `overrides` are the job's own, one value each. Keys are shortened to their last part, or as
    many parts as tell them apart.
    """
    given = values(overrides)
    return "".join(
        f"-{UNSAFE.sub('_', short(key, keys))}_{_safe(given[key])}" for key in keys if key in given
    )


def joined(name: str, suffix: str) -> str:
    """Return a recipe's name and a suffix as one; where that is too long, a digest ends it."""
    if not suffix or len(name) + len(suffix) <= MOST:
        return name + suffix
    end = f"_{hashlib.sha256(suffix.encode()).hexdigest()[:10]}"
    room = max(MOST - len(name) - len(end), 0)
    return f"{name}{suffix[:room].rstrip('._-')}{end}"


def _key(override: str) -> str:
    """Return an override without Hydra's sign for a key that is added."""
    return override.lstrip("+")


def values(overrides: Sequence[str]) -> dict[str, str]:
    """Return the value that each key gets by a job's overrides, as it is written."""
    return dict(_key(override).split("=", 1) for override in overrides if "=" in override)


def _safe(value: str) -> str:
    """Return the value as a part of a name; where it had to change, a digest keeps it distinct."""
    safe = UNSAFE.sub("_", value).strip("_").rstrip(".")
    if safe == value:
        return value
    return f"{safe}_{hashlib.sha256(value.encode()).hexdigest()[:6]}".lstrip("_")


def short(key: str, keys: Sequence[str]) -> str:
    """Return as many of a key's last parts as tell it from the other keys."""
    parts = re.split(r"[./]", key)
    for count in range(1, len(parts)):
        tail = parts[-count:]
        if sum(re.split(r"[./]", other)[-count:] == tail for other in keys) == 1:
            return ".".join(tail)
    return ".".join(parts)
