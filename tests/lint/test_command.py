"""`packager-lint` as users run it: a process, its output and its status."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from packager import __version__
from packager.lint import command
from tests.lint.repositories import classifier, ensemble, write

PROGRAM = [sys.executable, "-m", "packager.lint"]
BROKEN = {"bad/config.pbtxt": 'platform: "x"\nmax_batch_size: -1\n', "bad/1/": ""}


def lint(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [*PROGRAM, *arguments], input=stdin, capture_output=True, text=True, check=False
    )


def test_a_clean_repository_ends_with_0(tmp_path: Path) -> None:
    """And says how much it read."""
    run = lint(str(write(tmp_path, classifier("m"))))
    assert (run.returncode, run.stdout, run.stderr) == (0, "nothing found in 1 model\n", "")


def test_findings_end_with_1(tmp_path: Path) -> None:
    """They are on standard output."""
    run = lint(str(write(tmp_path, BROKEN)))
    assert run.returncode == 1
    assert "bad/config.pbtxt:2:1: error TRN107" in run.stdout
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["/nonexistent"], "there is no such directory. Remedy"),
        ([__file__], "is not a directory. Remedy"),
        (["{}", "absent"], "there is no model 'absent'"),
        (["{}", "mm"], "did you mean 'm'?"),
        (["{}", "--select", "XYZ"], "there is no rule 'XYZ'. Remedy"),
        (["{}", "--host-gpus", "all"], "neither ids like 0,1 nor none"),
        (["{}", "--host-gpus=-1"], "neither ids like 0,1 nor none"),
        (["{}", "--backends", ""], "names no backend"),
        (["--rules", "--format", "sarif"], "--rules is written as text or json"),
        ([""], "the repository's name is empty"),
        (["{}", "--jobs", "0"], "no positive number"),
        ([], "no repository is given"),
    ],
)
def test_what_cannot_run_ends_with_2(tmp_path: Path, arguments: list[str], problem: str) -> None:
    """In words, with a remedy."""
    root = str(write(tmp_path, classifier("m")))
    run = lint(*(one.format(root) for one in arguments))
    assert run.returncode == 2
    assert problem in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ["TRN104", "TRN107", "TRN308"]),
        (["--ignore", "TRN104,TRN3"], ["TRN107"]),
        (["--select", "trn1"], ["TRN104", "TRN107"]),
        (["--severity", "error"], ["TRN104", "TRN107"]),
        (["bad"], ["TRN104", "TRN107", "TRN308"]),
        (["good"], []),
    ],
)
def test_options_choose_what_is_told(
    tmp_path: Path, arguments: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """By rule, by severity and by model."""
    text = BROKEN["bad/config.pbtxt"] + "dynamic_batching { default_priority_level: 1 }\n"
    files = {**classifier("good"), "bad/config.pbtxt": text, "bad/1/": ""}
    status = command.run([str(write(tmp_path, files)), "--format", "json", *arguments])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [one["rule"] for one in found] == expected
    assert status == bool(expected)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], []),
        (["--host-gpus", "none"], ["TRN503"]),
        (["--host-gpus", "0,1"], []),
        (["--backends", "python,onnxruntime"], ["TRN110"]),
        (["--backends", "pytorch"], []),
    ],
)
def test_what_depends_on_the_host_is_judged_where_it_is_known(
    tmp_path: Path, arguments: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its GPUs and its backends."""
    files = classifier("m")
    files["m/config.pbtxt"] += "instance_group { kind: KIND_GPU }\n"
    command.run([str(write(tmp_path, files)), "--format", "json", *arguments])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [one["rule"] for one in found] == expected


def test_several_processes_find_the_same(tmp_path: Path) -> None:
    """In the same order."""
    files: dict[str, str] = {}
    for number in range(0, 600, 3):
        files |= classifier(f"m{number:03}") | ensemble(f"m{number + 1:03}", member="absent")
        files |= {f"m{number + 2:03}/config.pbtxt": "x"}
    root = str(write(tmp_path, files))
    one, four = (lint(root, "--jobs", jobs) for jobs in ("1", "4"))
    assert one.returncode == four.returncode == 1
    assert one.stdout == four.stdout
    assert one.stdout.endswith("in 400 of 600 models\n")


def test_a_reader_that_goes_ends_it_quietly(tmp_path: Path) -> None:
    """As in `packager-lint DIR | head`."""
    root = str(write(tmp_path, {f"m{number}/": "" for number in range(3_000)}))
    with subprocess.Popen(
        [*PROGRAM, root], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    """With all its processes, and one word."""
    files: dict[str, str] = {}
    for number in range(3_000):
        files |= classifier(f"m{number}")
    root = str(write(tmp_path, files))
    with subprocess.Popen(
        [*PROGRAM, root, "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text() and process.poll() is None:
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (130, b"interrupted\n")


def test_output_in_an_encoding_without_the_names_is_escaped(tmp_path: Path) -> None:
    """Nothing fails on it."""
    root = str(write(tmp_path, {"modèle/1/": ""}))
    run = subprocess.run(
        [*PROGRAM, root],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert run.returncode == 1
    assert b"mod\\xe8le" in run.stdout


def test_it_starts_without_what_takes_long_to_import(tmp_path: Path) -> None:
    """No torch, no Hydra, no numpy; rich only for a terminal."""
    root = str(write(tmp_path, BROKEN))
    code = (
        "import sys\nfrom packager.lint import command\n"
        f"command.run([{root!r}])\n"
        "heavy = {'torch', 'hydra', 'omegaconf', 'numpy', 'rich', 'grpc', 'tritonclient'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "[]"


def test_the_rules_are_listed() -> None:
    """With those that are only explained."""
    run = lint("--rules")
    assert run.returncode == 0
    assert "TRN205  error    model {kind} '{name}' dimension must be" in run.stdout
    assert "TRN951" in run.stdout
    assert all(one["remedy"] for one in json.loads(lint("--rules", "--format=json").stdout))


def test_the_version_is_the_packages() -> None:
    """One for all its commands."""
    assert lint("--version").stdout == f"packager-lint {__version__}\n"


def test_a_log_on_standard_input_is_explained() -> None:
    """0 when something was recognised, 1 when nothing was."""
    known = lint("--explain", stdin="CUDA out of memory. Tried to allocate 2.00 GiB")
    assert known.returncode == 0
    assert "TRN934" in known.stdout
    assert "recipe: serving.instance_group.count" in known.stdout
    assert lint("--explain", stdin="all is well\n").returncode == 1
    assert lint("--explain", "TRN205").returncode == 0


@pytest.mark.parametrize(
    ("redirected", "problem"),
    [
        ("{} >&-", "standard output is closed"),
        ("{} > /dev/full", "No space left on device"),
        ("--explain <&-", "standard input is closed"),
        ("--rules > /dev/full", "No space left on device"),
        ("{} > /dev/full 2>&-", ""),
    ],
)
def test_streams_that_cannot_be_used_end_with_2(
    tmp_path: Path, redirected: str, problem: str
) -> None:
    """Not with a traceback, and not as a fault of packager."""
    root = shlex.quote(str(write(tmp_path, BROKEN)))
    run = subprocess.run(
        ["/bin/sh", "-c", f"{shlex.join(PROGRAM)} {redirected.format(root)}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert problem in run.stderr
    assert len(run.stderr.splitlines()) <= 1


def test_standard_error_may_be_closed(tmp_path: Path) -> None:
    """Nothing is written there."""
    root = shlex.quote(str(write(tmp_path, classifier("m"))))
    done = subprocess.run(
        ["/bin/sh", "-c", f"{shlex.join(PROGRAM)} {root} 2>&-"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"nothing found in 1 model\n")


def test_marks_that_turn_the_direction_of_writing_are_escaped(tmp_path: Path) -> None:
    """They would make a path read as another."""
    name = "a\u202eb\u2066"
    run = lint(str(write(tmp_path, {f"{name}/config.pbtxt": "max_batch_size: -1"})))
    assert "\u202e" not in run.stdout
    assert "a\\u202eb\\u2066/config.pbtxt:1:1" in run.stdout
