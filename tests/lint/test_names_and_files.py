"""What users get wrong in names, dims and model files, and what only looks wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.model_config.rules.facts import Host
from tests.lint.repositories import check, ids

if TYPE_CHECKING:
    from pathlib import Path

IO = """
input { name: "x" data_type: TYPE_FP32 dims: [4] }
output { name: "y" data_type: TYPE_FP32 dims: [4] }
"""
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def found(
    path: Path, config: str, *files: str, content: str = "model", host: Host | None = None
) -> list[str]:
    """Return the ids of what is found in one model."""
    written = {f"m/{name}": content for name in files or ("1/model.py",)}
    return [
        one.rule_id for one in check(path, {"m/config.pbtxt": config, **written}, host or Host())
    ]


@pytest.mark.parametrize(
    "value",
    [
        "{{ bos }}{% for m in messages %}{{ m }}{% endfor %}",
        "{'a': '${x}'}",
        "cost: ${price} and ${tax}",
        "$HOME_DIR/x",
        "$USD",
    ],
)
def test_a_parameter_may_hold_a_template(tmp_path: Path, value: str) -> None:
    """It is free text: chat templates are Jinja."""
    parameter = f'parameters {{ key: "k" value {{ string_value: "{value}" }} }}'
    assert found(tmp_path, f'backend: "python" {parameter}') == []


@pytest.mark.parametrize("value", ["${x}", "{{ x }}", "$MODEL_PATH"])
def test_a_parameter_that_is_one_variable_is_a_warning(tmp_path: Path, value: str) -> None:
    """NVIDIA's own TensorRT-LLM backend takes such a value for one that is not set."""
    text = f'backend: "python" parameters {{ key: "k" value {{ string_value: "{value}" }} }}'
    (one,) = check(tmp_path, {"m/config.pbtxt": text, "m/1/model.py": "model"})
    assert (one.rule_id, one.severity.value) == ("TRN116", "warning")


@pytest.mark.parametrize(
    "config",
    [
        'backend: "${triton_backend}"',
        'platform: "${platform}"',
        'backend: "b" runtime: "${x}.so"',
        'backend: "python" default_model_filename: "${file}"',
        'backend: "b" output { name: "y" data_type: TYPE_FP32 dims: 4 label_filename: "{{ l }}" }',
        'backend: "b" instance_group { name: "${x}" }',
    ],
)
def test_a_variable_in_a_name_is_an_error_by_itself(tmp_path: Path, config: str) -> None:
    """What only follows from it is not told: the file or backend of that name is not missing."""
    assert found(tmp_path, config) == ["TRN112"]


def test_a_variable_in_a_step_is_no_missing_model(tmp_path: Path) -> None:
    """The remedy is not to add a model of that name."""
    step = """step { model_name: "${pre}" model_version: -1
      input_map { key: "x" value: "x" } output_map { key: "y" value: "y" } }"""
    config = f'platform: "ensemble" {IO} ensemble_scheduling {{ {step} }}'
    assert found(tmp_path, config, "1/x") == ["TRN112"]


def tensors(given: str, taken: str) -> str:
    """Return a config with batches."""
    return (
        'backend: "onnxruntime" max_batch_size: 8'
        f' input {{ name: "x" data_type: TYPE_FP32 dims: [{given}] }}'
        f' output {{ name: "y" data_type: TYPE_FP32 dims: [{taken}] }}'
    )


@pytest.mark.parametrize("first", [1, -1])
def test_a_batch_in_all_dims_is_a_warning_with_the_dims_to_write(
    tmp_path: Path, first: int
) -> None:
    """Triton would want [batch, 1, 3, 224, 224]."""
    config = tensors(f"{first}, 3, 224, 224", f"{first}, 1000")
    findings = check(tmp_path, {"m/config.pbtxt": config, "m/1/model.onnx": "model"})
    assert [one.rule_id for one in findings] == ["TRN232", "TRN232"]
    assert findings[0].message.endswith("without the batch they are [3, 224, 224]")
    assert findings[1].message.endswith("without the batch they are [1000]")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("1, 28, 28", "1, 28, 28"),
        ("1, 28, 28", "10"),
        ("-1, 128", "-1, 2"),
        ("-1, 3, 224, 224", "85"),
        ("1, 64, 128, 128", "1, 64, 128, 128"),
    ],
)
def test_a_channel_a_sequence_or_frames_are_no_batch(
    tmp_path: Path, given: str, taken: str
) -> None:
    """One grey image, tokens, a video, a volume."""
    assert found(tmp_path, tensors(given, taken), "1/model.onnx") == []


def test_a_model_file_may_be_in_a_sub_directory(tmp_path: Path) -> None:
    """default_model_filename is a path."""
    config = f'backend: "python" default_model_filename: "sub/handler.py" {IO}'
    assert found(tmp_path, config, "1/sub/handler.py") == []
    assert found(tmp_path, config, "2/model.py") == ["TRN707"]


def test_a_class_of_pytorch_2_needs_no_weights(tmp_path: Path) -> None:
    """The runtime is the file of the class."""
    config = f'backend: "pytorch" runtime: "model.py" {IO}'
    assert found(tmp_path, config, "1/model.py") == []
    assert found(tmp_path, config, "2/x") == ["TRN707"]


@pytest.mark.parametrize(("content", "rule"), [("", "TRN708"), (POINTER, "TRN709")])
def test_a_file_that_holds_no_model_is_named(tmp_path: Path, content: str, rule: str) -> None:
    """By its own path."""
    config = f'backend: "onnxruntime" {IO}'
    findings = check(tmp_path, {"m/config.pbtxt": config, "m/1/model.onnx": content})
    assert ids(findings) == [(rule, "m/1/model.onnx")]


@pytest.mark.parametrize(
    ("written", "meant"), [("onnx", "onnxruntime"), ("pytorch_libtorch", "pytorch")]
)
def test_a_platforms_name_for_a_backend_is_a_warning(
    tmp_path: Path, written: str, meant: str
) -> None:
    """Somebody may have a backend of that name, but not Triton."""
    config = f'backend: "{written}" {IO}'
    (one,) = check(tmp_path, {"m/config.pbtxt": config, "m/1/x": "model"})
    assert one.rule_id == "TRN117"
    assert one.message.endswith(f"did you mean '{meant}'?")
    assert found(tmp_path, config, f"libtriton_{written}.so", "1/x") == []


@pytest.mark.parametrize(
    ("path", "rules"),
    [
        ("$$TRITON_MODEL_DIRECTORY/env.tar.gz", []),
        ("$$TRITON_MODEL_DIRECTORY/other.tar.gz", ["TRN821"]),
        ("$TRITON_MODEL_DIRECTORY/env.tar.gz", ["TRN821"]),
        ("/opt/env.tar.gz", []),
    ],
)
def test_an_environment_must_be_in_the_models_directory(
    tmp_path: Path, path: str, rules: list[str]
) -> None:
    """Paths outside are the server's host's."""
    parameter = f'parameters {{ key: "EXECUTION_ENV_PATH" value {{ string_value: "{path}" }} }}'
    assert found(tmp_path, f'backend: "python" {parameter}', "1/model.py", "env.tar.gz") == rules
