"""What a config says in an object store: which versions are committed, and which of them served.

The version policy always names specific versions, and a comment in it lists all that are committed:

    version_policy {
      # packager: versions 1 2 3
      specific { versions: [3] }
    }
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packager.model_config.parse import parse
from packager.model_config.render import LABELS_FILE
from packager.model_config.rules.versions import served
from packager.repository.policy import pinned
from packager.repository.state import served_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LIST = re.compile(r"^  # packager: versions((?: [1-9][0-9]*)*)$", re.MULTILINE)
_POLICY = re.compile(r"^version_policy \{\n", re.MULTILINE)
_LABELS = re.compile(rf'^( *label_filename: "){re.escape(LABELS_FILE)}"', re.MULTILINE)


def committed(config: bytes | None, present: Callable[[], Iterable[int]]) -> tuple[int, ...]:
    """Return the committed versions that a config lists, ascending; without one there are none.

    Somebody else's config has no such list: of the versions `present`, those that it serves.
    """
    if config is None:
        return ()
    text = config.decode(errors="replace")
    found = _LIST.search(text)
    if found is None:
        return served_versions(text, tuple(present()))
    return tuple(sorted(map(int, found[1].split())))


def has_list(config: str) -> bool:
    """Return whether a config is one of ours; another's may serve whatever directory appears."""
    return _LIST.search(config) is not None


def listing(config: str, *, versions: Iterable[int], serving: Iterable[int]) -> str:
    """Return the config that lists the committed versions and serves some of them."""
    line = " ".join(map(str, ("  # packager: versions", *sorted(versions))))
    return _POLICY.sub(lambda match: f"{match[0]}{line}\n", pinned(config, serving))


def chosen(config: str, versions: Iterable[int]) -> tuple[int, ...]:
    """Return which of these versions a config's policy serves."""
    return tuple(sorted(served(parse(config), versions)))


def with_own_labels(config: str, version: int) -> str:
    """Return the config with the labels of a version's own directory.

    Labels beside the config would change at another moment than the config does.
    """
    return _LABELS.sub(rf'\g<1>{version}/{LABELS_FILE}"', config)
