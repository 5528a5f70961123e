"""Whatever a repository or a log holds, there is an answer and never a traceback."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from packager.lint import explain, repository
from packager.lint.reports import Format, write
from packager.model_config.rules.facts import Host
from tests.lint.repositories import CLASSIFIER, ENSEMBLE
from tests.model_config import texts

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

MODELS = (
    "m",
    "e",
    "a b",
    "1",
    ".git",
    "x\ny",
    "ä",
    "ensemble",
    "\udcff",
    "configs",
    "config.pbtxt",
)
INSIDE = (
    *("config.pbtxt", "config.txt", "labels.txt", "configs/gpu.pbtxt", "configs/x.txt"),
    *(
        "1/model.pt",
        "2.bak/model.pt",
        "01/x",
        "99999999999999999999/x",
        "-1/model.py",
        "v1/model.onnx",
    ),
    *("warmup/x", "initial_state/y", "1/model.onnx/weights", "+3/x", " 4/x"),
)
KNOWN = (
    CLASSIFIER.format(name="m"),
    ENSEMBLE.format(name="e", member="m"),
    ENSEMBLE.format(name="m", member="m"),
    'backend: "python"',
    'output { name: "y" dims: 3 label_filename: "labels.txt" }',
    'output { label_filename: "../../../etc/passwd" }',
    'output { label_filename: "a\\000b" }',
    'model_warmup { batch_size: 1 inputs { key: "x" value { input_data_file: "x" dims: 3 } } }',
    "version_policy { specific { versions: [1, 1, -9223372036854775808] } }",
)


def _contents() -> SearchStrategy[bytes]:
    return st.one_of(
        st.sampled_from(KNOWN).map(str.encode),
        texts.written().map(str.encode),
        st.binary(max_size=20),
    )


TREES = st.dictionaries(
    st.tuples(st.sampled_from(MODELS), st.sampled_from(INSIDE)).map("/".join)
    | st.sampled_from(MODELS),
    st.one_of(_contents(), st.sampled_from(["dead", "..", ".", "/", "loop", "m", "/etc"])),
    max_size=8,
)
HOSTS = st.builds(
    Host,
    auto_complete=st.booleans(),
    gpus=st.sampled_from([None, frozenset(), frozenset({0, 1})]),
    backends=st.sampled_from([None, frozenset({"python"})]),
)


def _write(root: Path, tree: dict[str, bytes | str]) -> None:
    """Write files, and links for texts; what the disk refuses is left out."""
    for name, content in tree.items():
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str):
                path.symlink_to(content)
            else:
                path.write_bytes(content)
        except OSError:
            continue


@given(TREES, HOSTS)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_repository_makes_it_fail(tree: dict[str, bytes | str], host: Host) -> None:
    """Every format can write what was found, in any encoding."""
    with tempfile.TemporaryDirectory() as name:
        _write(Path(name), tree)
        report = repository.check(name, host=host)
        for form in Format:
            out = io.StringIO()
            write(report, form, out)
            out.getvalue().encode("ascii", "backslashreplace")
        for one in report.findings:
            assert "\n" not in f"{one.file}{one.message}"
            assert one.line is None or one.line >= 1


LINES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            'E1122 16:18:36.313267 27598 model.cc:1460] "Poll failed \\"x\\" \\n | a | b | c |"',
            "| m | 1 | UNAVAILABLE: Invalid argument: model input 'x' must |",
            "|   |   | specify 'dims' for m |",
            "+---+---+",
            "|",
            "||",
            '{"error":"[request id: 3] inference request batch-size must be <= 4 for \'m\'"}',
            '{"error":"TRN101 \\ud800"}',
            '"\\x"',
            "InferenceServerException: [400] unexpected inference input 'x' for model",
        ]
    ),
)


@given(st.lists(LINES, max_size=8).map("\n".join))
@settings(max_examples=300, deadline=None)
def test_no_log_makes_explaining_fail(log: str) -> None:
    """It says that it knows nothing, at worst."""
    out = io.StringIO()
    assert explain.run(log, out) in (0, 1)
    assert out.getvalue()


def test_a_million_lines_are_read_in_seconds() -> None:
    """Every line twice as long as most: 20 MB."""
    line = "I1122 16:18:36.313267 27598 model.cc:1] \"successfully loaded 'm'\"\n"
    assert explain.run(line * 300_000, io.StringIO()) == 1


def test_deep_and_wide_directories_are_not_walked(tmp_path: Path) -> None:
    """Only a model's directory and its versions are read, as by Triton."""
    deep = tmp_path / "m" / "1"
    for _ in range(50):
        deep /= "deeper"
    os.makedirs(deep)  # noqa: PTH103  many levels at once
    (tmp_path / "m" / "config.pbtxt").write_text('backend: "python"')
    (tmp_path / "m" / "1" / "model.py").write_text("model")
    assert repository.check(str(tmp_path)).findings == ()
