"""The rules' ids, messages and paths, without a server; their truth is tests/differential's."""

from __future__ import annotations

import re
from typing import Any

import pytest

from packager.model_config.parse import parse
from packager.model_config.rules import catalogue, check, labels
from packager.model_config.rules.facts import Host
from packager.model_config.rules.rule import Unknown
from tests.differential.case import CaseFiles

HOST = Host(auto_complete=False, gpus=frozenset(), backends=frozenset({"custom", "pytorch"}))
FILES = CaseFiles("m", {"1/model.pt": b"", "labels.txt": b"one\n", "2.bak/": b"", "x/": b""})
CUSTOM = 'backend: "custom" '
INPUT = 'input { name: "a" data_type: TYPE_FP32 dims: %s } '

EXPECTED: list[tuple[str, str, str, tuple[Any, ...]]] = [
    # identity
    ('platform: "weird"', "TRN104", "unexpected platform type 'weird' for m", ("platform",)),
    (
        'platform: "a" backend: "pytorch"',
        "TRN106",
        "unexpected 'platform' and 'backend' pair, got:a, pytorch",
        ("platform",),
    ),
    (
        CUSTOM + "max_batch_size: -1",
        "TRN107",
        "'max_batch_size' must be non-negative value for m",
        ("max_batch_size",),
    ),
    (
        CUSTOM + 'name: "other"',
        "TRN108",
        "unexpected directory name 'm' for model 'other', directory name must equal model name",
        ("name",),
    ),
    (
        CUSTOM + 'parameters { key: "k" value { string_value: "${x}" } }',
        "TRN116",
        "'${x}' of parameter 'k' is a variable that nothing has replaced",
        ("parameters", "k"),
    ),
    # tensors
    (CUSTOM + "input {}", "TRN201", "model input must specify 'name' for m", ("input", 0)),
    (
        CUSTOM + INPUT % "[1, 0]",
        "TRN205",
        (
            "model input 'a' dimension must be integer >= 1, or -1 to indicate a variable-size"
            " dimension for m"
        ),
        ("input", 0, "dims", 1),
    ),
    (
        CUSTOM + 'output { name: "o" data_type: 77 dims: 1 }',
        "TRN213",
        "data_type 77 of output 'o' is none: backends that read it fail",
        ("output", 0, "data_type"),
    ),
    # batch inputs and outputs
    (
        CUSTOM + INPUT % 1 + 'batch_input { source_input: "q" data_type: TYPE_FP32 }',
        "TRN224",
        "unknown source input name 'q' for m",
        ("batch_input", 0, "source_input", 0),
    ),
    # naming
    (
        CUSTOM + INPUT % 1 + INPUT % 1,
        "TRN231",
        "two inputs are named 'a': Triton expects both, and every request is refused",
        ("input", 1, "name"),
    ),
    # the batchers
    (
        CUSTOM + "max_batch_size: 2 dynamic_batching { preferred_batch_size: [1, 3] }",
        "TRN302",
        "dynamic batching preferred size must be <= max batch size for m",
        ("dynamic_batching", "preferred_batch_size", 1),
    ),
    (
        CUSTOM + "dynamic_batching {}",
        "TRN307",
        "dynamic_batching does nothing where max_batch_size is 0",
        ("dynamic_batching",),
    ),
    (
        CUSTOM + "sequence_batching { control_input { name: 'c' control {} } }",
        "TRN325",
        (
            "sequence batching must specify either 'int32_false_true', 'fp32_false_true' or"
            " 'bool_false_true' for CONTROL_SEQUENCE_START for m"
        ),
        ("sequence_batching", "control_input", 0, "control", 0),
    ),
    (
        CUSTOM + "sequence_batching { state { input_name: 's' initial_state {} } }",
        "TRN343",
        "Field 'name' must be set when using initial_state for state input 's'.",
        ("sequence_batching", "state", 0, "initial_state", 0),
    ),
    # ensembles
    (
        'platform: "ensemble"',
        "TRN414",
        "ensemble scheduling must be set for ensemble m whose platform is ensemble",
        ("platform",),
    ),
    (
        'platform: "ensemble" ensemble_scheduling { step { model_name: "x" } }',
        "TRN407",
        "must specify 'input_map' in step 0 of ensemble 'm'",
        ("ensemble_scheduling", "step", 0),
    ),
    # instance groups
    (
        CUSTOM + "instance_group {} instance_group { kind: KIND_GPU }",
        "TRN503",
        "instance group m_1 of model m has kind KIND_GPU but no GPUs are available",
        ("instance_group", 1, "kind"),
    ),
    (
        CUSTOM + "instance_group { count: -2 }",
        "TRN510",
        "count -2 is taken as the default of the backend",
        ("instance_group", 0, "count"),
    ),
    # warmup and metrics
    (
        CUSTOM + INPUT % -1 + "model_warmup { batch_size: 2 inputs { key: 'a' value {"
        " data_type: TYPE_FP32 dims: 1 zero_data: true } } }",
        "TRN608",
        "warmup batch_size 2 is above max_batch_size 0: the sample fails, or ends the server",
        ("model_warmup", 0, "batch_size"),
    ),
    (
        CUSTOM + "model_metrics { metric_control {} }",
        "TRN621",
        "metric control must specify 'metric_identifier'",
        ("model_metrics", "metric_control", 0),
    ),
    # versions and labels
    (
        CUSTOM + "version_policy { latest {} }",
        "TRN701",
        "at least one version must be available under the version policy of model 'm'",
        ("version_policy",),
    ),
    (
        CUSTOM,
        "TRN705",
        "directory '2.bak' counts as version 2, and Triton then looks for its files in '2'",
        ("version_policy",),
    ),
    (
        CUSTOM + "output { name: 'o' data_type: TYPE_FP32 dims: 2 label_filename: 'labels.txt' }",
        "TRN723",
        "labels.txt has 1 labels, and output 'o' 2 classes",
        ("output", 0, "label_filename"),
    ),
    # libtorch
    (
        'platform: "pytorch_libtorch"',
        "TRN801",
        "model configuration must contain at least one input, none were specified.",
        ("input",),
    ),
    (
        'platform: "pytorch_libtorch" input { name: "INPUT__3" data_type: TYPE_BF16 dims: 1 }',
        "TRN802",
        "unsupported datatype TYPE_BF16 for input 'INPUT__3' for model 'm'",
        ("input", 0, "data_type"),
    ),
    (
        (
            'platform: "pytorch_libtorch"'
            ' parameters { key: "DISABLE_CUDNN" value { string_value: "Yes" } }'
        ),
        "TRN808",
        "failed to convert DISABLE_CUDNN 'yes' to boolean value",
        ("parameters", "DISABLE_CUDNN"),
    ),
]


@pytest.mark.parametrize(("text", "rule", "message", "path"), EXPECTED)
def test_a_finding_says_what_and_where(
    text: str, rule: str, message: str, path: tuple[Any, ...]
) -> None:
    """In the server's words where it has any."""
    found = check.check(parse(text), files=FILES, host=HOST)
    told = [(one.message, one.path) for one in found if one.rule.id == rule]
    assert (message, path) in told


def test_ids_are_unique_and_say_their_family() -> None:
    """A rule keeps its id for ever; the catalogue holds every module's."""
    subjects = [rule.id for subject in catalogue._SUBJECTS for rule in subject.RULES]
    assert sorted(subjects) == list(catalogue.RULES)
    assert all(re.fullmatch(r"TRN[1-9]\d\d", rule) for rule in subjects)


@pytest.mark.parametrize("rule", catalogue.RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_what_to_do(rule: Any) -> None:
    """Beside what is wrong."""
    assert rule.remedy
    assert not rule.remedy.endswith(".")
    assert rule.wording


def test_a_finding_knows_the_servers_message() -> None:
    """What only the server's host knows may be anything."""
    finding = labels.MISSING.at("output", path=Unknown("<model directory>/l"))
    assert finding.is_told_by(
        "failed to open text file for read /models/m/l: No such file or directory"
    )
    assert not finding.is_told_by("failed to open text file for read /models/m/l: no")


@pytest.mark.parametrize(
    ("host", "rule"),
    [(Host(gpus=frozenset({0, 1})), None), (Host(gpus=frozenset()), "TRN502"), (Host(), None)],
)
def test_what_depends_on_gpus_is_judged_where_they_are_known(host: Host, rule: str | None) -> None:
    """KIND_AUTO becomes KIND_CPU where a GPU is missing."""
    found = check.check(parse(CUSTOM + "instance_group { gpus: 1 }"), host=host)
    assert [one.rule.id for one in found] == ([rule] if rule else [])
