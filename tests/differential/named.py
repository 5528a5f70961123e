"""Cases on which rules or parser and the real server once disagreed, or were likely to."""

from __future__ import annotations

from tests.differential.case import Case, Purpose

LOADS = ""
"""Stands for the rule where the server loads the model."""


def _case(rule: str, text: str, **files: str) -> Case:
    """Return a case; `files` are by path, with __ for / and a final _ for a directory."""
    written = {path.replace("__", "/"): content.encode() for path, content in files.items()}
    return Case(text=text, purpose=Purpose.named, rule=rule, files=written or {"1/": b""})


_CUSTOM = 'name: "NAME" backend: "custom"\n'
_INPUT = _CUSTOM + 'input { name: "a" data_type: TYPE_FP32 dims: -1 }\n'
_OUTPUT = _CUSTOM + 'output { name: "o" data_type: TYPE_FP32 dims: 2 label_filename: "%s" }\n'
_BATCH_OUTPUT = _INPUT + 'output { name: "o" data_type: TYPE_FP32 dims: 5 }\n'
_PROFILE = 'platform: "tensorrt_plan" instance_group { kind: KIND_CPU profile: "%s" }'
_STATE = (
    _CUSTOM + 'sequence_batching { state { input_name: "s" output_name: "t" data_type: TYPE_FP32'
    ' dims: %s initial_state { name: "x" data_type: TYPE_FP32 dims: %s %s } } }'
)
_SAMPLE = (
    _INPUT + 'model_warmup { name: "w" batch_size: 1 inputs { key: "a" value {'
    " data_type: TYPE_FP32 dims: %s %s } } }"
)
_RESHAPED = _CUSTOM + 'input { name: "a" data_type: TYPE_FP32 dims: %s reshape { shape: %s } }'
_CORRELATION = "control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_FP32 }"


def _step(model: str, source: str, target: str) -> str:
    maps = f'input_map {{ key: "a" value: "{source}" }} output_map {{ key: "o" value: "{target}" }}'
    return f'step {{ model_name: "{model}" model_version: -1 {maps} }}\n'


def _ensemble(outputs: str, *steps: str) -> str:
    tensors = ['input { name: "x" data_type: TYPE_FP32 dims: 2 }\n'] + [
        f'output {{ name: "{name}" data_type: TYPE_FP32 dims: 2 }}\n' for name in outputs
    ]
    return f'platform: "ensemble"\n{"".join(tensors)}ensemble_scheduling {{ {"".join(steps)} }}'


NAMED: dict[str, Case] = {
    "empty-agents-end-the-server": _case("TRN115", _CUSTOM + "model_repository_agents {}"),
    "runtime-that-is-not-there": _case("TRN113", _CUSTOM + 'runtime: "../x.so"'),
    "runtime-of-the-backend": _case(LOADS, _CUSTOM + 'runtime: "model.py"'),
    "batch-library-without-path": _case(
        "TRN114", _CUSTOM + 'parameters { key: "TRITON_BATCH_STRATEGY_PATH" value {} }'
    ),
    "platform-nearly-tensorflow": _case("TRN104", 'platform: "tensorflow_x"'),
    "batch-output-without-target": _case(
        "TRN229", _BATCH_OUTPUT + 'batch_output { source_input: "a" }'
    ),
    "products-the-same-in-64-bits": _case(
        LOADS, _RESHAPED % ("[4294967296, 4294967296]", "[4294967296, 8589934592]")
    ),
    "products-differ-in-64-bits": _case("TRN207", _RESHAPED % ("[4294967296, 4294967296]", "[3]")),
    "profile-too-large": _case("TRN513", _PROFILE % "99999999999"),
    "profile-with-text-after-it": _case(LOADS, _PROFILE % "1x"),
    "profile-negative-after-space": _case("TRN509", _PROFILE % " -1"),
    "correlation-twice-of-a-wrong-type": _case(
        "TRN324",
        _CUSTOM + f'sequence_batching {{ control_input {{ name: "x" {_CORRELATION * 2} }} }}',
    ),
    "unknown-control-twice": _case(
        LOADS,
        _CUSTOM + 'sequence_batching { control_input { name: "x" control { kind: 9 }'
        " control { kind: 9 } } }",
    ),
    "utilization-nan": _case(
        LOADS, _CUSTOM + "sequence_batching { direct { minimum_slot_utilization: nan } }"
    ),
    "state-negative-where-it-varies": _case("TRN352", _STATE % ("-1", "-2", "zero_data: true")),
    "state-negative-where-it-is-fixed": _case("TRN347", _STATE % ("2", "-2", "zero_data: true")),
    "state-data-is-a-directory": _case(
        "TRN351", _STATE % ("2", "2", 'data_file: "d"'), initial_state__d__x="", **{"1/": ""}
    ),
    "sample-negative-where-it-varies": _case("TRN609", _SAMPLE % ("-2", "zero_data: true")),
    "sample-of-no-elements": _case(LOADS, _SAMPLE % ("0", "zero_data: true")),
    "sample-data-is-a-directory": _case(
        "TRN610", _SAMPLE % ("2", 'input_data_file: "d"'), warmup__d__x="", **{"1/": ""}
    ),
    "labels-are-a-directory": _case("TRN724", _OUTPUT % "1"),
    "labels-by-a-way-round": _case(LOADS, _OUTPUT % "1/../l", l="", **{"1/": ""}),
    "version-too-large": _case("TRN706", _CUSTOM, **{"1/": "", f"{2**63}/": ""}),
    "version-absent-but-named-twice": _case(
        LOADS, _CUSTOM + "version_policy { specific { versions: [2, 2] } }"
    ),
    "tag-with-a-dash": _case("TRN626", _CUSTOM + 'metric_tags { key: "a-b" value: "x" }'),
    "tag-begins-with-underscore": _case("TRN626", _CUSTOM + 'metric_tags { key: "_a" value: "x" }'),
    "tag-begins-with-digit": _case(LOADS, _CUSTOM + 'metric_tags { key: "1a" value: "x" }'),
    "tag-of-an-ensemble": _case(
        "TRN626",
        _ensemble("y", _step("plain", "x", "y")) + 'metric_tags { key: "a-b" value: "x" }',
    ),
    "two-missing-models": _case(
        "TRN431", _ensemble("y", _step("nobody", "x", "t"), _step("anybody", "t", "y"))
    ),
    "decoupled-answers-leave-together": _case(
        "TRN442", _ensemble("yw", _step("decoupled", "x", "y"), _step("plain", "x", "w"))
    ),
    "decoupled-answers-of-one-model": _case(
        LOADS, _ensemble("yw", _step("decoupled", "x", "y"), _step("plain", "y", "w"))
    ),
    "number-with-plus": _case("TRN101", _CUSTOM + "max_batch_size: +1"),
    "number-with-underscore": _case("TRN101", _CUSTOM + "max_batch_size: 1_000"),
    "number-in-binary": _case("TRN101", _CUSTOM + "max_batch_size: 0b11"),
    "number-of-other-digits": _case("TRN101", _CUSTOM + "max_batch_size: \u0663"),
    "minus-apart": _case("TRN107", _CUSTOM + "max_batch_size: - 1"),
    "infinity-with-f": _case(
        "TRN101", _CUSTOM + "sequence_batching { direct { minimum_slot_utilization: inff } }"
    ),
    "boolean-in-hexadecimal": _case(LOADS, _CUSTOM + "response_cache { enable: 0x1 }"),
    "data-type-in-octal": _case(LOADS, _CUSTOM + "input { name: 'a' dims: 1 data_type: 013 }"),
    "data-type-out-of-range": _case(
        "TRN101", _CUSTOM + "input { name: 'a' dims: 1 data_type: 2147483648 }"
    ),
    "escape-of-capital-x": _case("TRN101", _CUSTOM + r"input { name: '\X41' }"),
    "escape-of-nothing": _case("TRN101", _CUSTOM + r"input { name: '\q' }"),
    "space-that-does-not-break": _case("TRN101", _CUSTOM + "\u00a0 response_cache {}"),
}
"""Name -> case; `rule` is what the server must tell first."""
