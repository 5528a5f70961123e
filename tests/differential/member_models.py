"""Models that lie beside every case, for the steps of ensembles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberModel:
    """A model's text and files, and whether it loads."""

    text: str
    files: Mapping[str, bytes] = field(default_factory=lambda: {"1/": b""})
    loads: bool = True


def _io(kind: str, name: str, data_type: str, dims: str, more: str = "") -> str:
    return f'{kind} {{ name: "{name}" data_type: TYPE_{data_type} dims: [{dims}] {more} }}\n'


_CUSTOM = 'backend: "custom"\n'
_ONE_TO_ONE = _io("input", "a", "FP32", "2") + _io("output", "o", "FP32", "2")
_DECOUPLED = "model_transaction_policy { decoupled: true }\n"

MEMBERS: Mapping[str, MemberModel] = {
    "plain": MemberModel(text=_CUSTOM + _ONE_TO_ONE),
    "batched": MemberModel(text=_CUSTOM + "max_batch_size: 8\n" + _ONE_TO_ONE),
    "varied": MemberModel(
        text=_CUSTOM
        + "max_batch_size: 4\n"
        + _io("input", "a", "FP32", "-1")
        + _io("input", "b", "INT32", "3")
        + _io("output", "o", "FP32", "-1, 2")
        + _io("output", "p", "INT64", "1")
    ),
    "joining": MemberModel(
        text=_CUSTOM
        + _io("input", "a", "FP32", "2")
        + _io("input", "b", "FP32", "2", "optional: true")
        + _io("output", "o", "FP32", "2")
    ),
    "needing_both": MemberModel(
        text=_CUSTOM
        + _io("input", "a", "FP32", "2")
        + _io("input", "b", "FP32", "2")
        + _io("output", "o", "FP32", "2")
    ),
    "reshaped": MemberModel(
        text=_CUSTOM
        + _io("input", "a", "FP32", "2", "reshape { shape: [1, 2] }")
        + _io("output", "o", "FP32", "4", "reshape { shape: [2, 2] }")
    ),
    "same_outputs": MemberModel(
        text=_CUSTOM
        + _ONE_TO_ONE
        + _io("output", "o", "FP32", "2")
        + _io("output", "p", "INT8", "1")
    ),
    "decoupled": MemberModel(text=_CUSTOM + _ONE_TO_ONE + _DECOUPLED),
    "versions": MemberModel(
        text=_CUSTOM + _ONE_TO_ONE + "version_policy { specific { versions: [1, 3] } }\n",
        files={"1/": b"", "2/": b"", "3/": b""},
    ),
    "nested": MemberModel(
        text='platform: "ensemble"\n'
        + _io("input", "x", "FP32", "2")
        + _io("output", "y", "FP32", "2")
        + 'ensemble_scheduling { step { model_name: "plain" model_version: -1'
        ' input_map { key: "a" value: "x" } output_map { key: "o" value: "y" } } }\n'
    ),
    "refused_at_poll": MemberModel(
        text=_CUSTOM + "max_batch_size: -1\n" + _ONE_TO_ONE, loads=False
    ),
    "refused_at_load": MemberModel(text='backend: "nobody"\n' + _ONE_TO_ONE, loads=False),
}
"""Name -> model."""
