"""Which versions a `config.pbtxt` serves: the same text with another version policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf import text_format

from packager.errors import SpecError
from packager.model_config.parse import parse
from packager.model_config.render import POLICY_BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable


def pinned(config: str, versions: Iterable[int]) -> str:
    """Return the config with a specific policy of these versions in place of its own.

    Our own texts keep every other byte; others are written anew by protobuf.
    """
    expected = parse(config)
    expected.ClearField("version_policy")
    rest = text_format.MessageToString(expected)
    expected.version_policy.specific.versions.extend(sorted(versions))
    listed = ", ".join(map(str, sorted(versions)))
    block = f"version_policy {{\n  specific {{ versions: [{listed}] }}\n}}\n"
    text = f"{POLICY_BLOCK.sub('', config).rstrip()}\n{block}"
    if _same(text, expected):
        return text
    # protobuf leaves a zero out, and Triton takes absence for something else in some platforms.
    zero = "" if expected.max_batch_size else "max_batch_size: 0\n"
    return f"{zero}{rest}{block}"


def _same(text: str, expected: object) -> bool:
    try:
        return bool(parse(text) == expected)
    except SpecError:  # a text of somebody else's that cannot be cut in place
        return False
