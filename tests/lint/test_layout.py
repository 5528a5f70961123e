"""Files and directories of a repository: what Triton makes of them before any config."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packager.model_config.rules.facts import Host
from tests.lint.repositories import check, classifier, ids, write

if TYPE_CHECKING:
    from collections.abc import Iterator

STRICT = Host(auto_complete=False)


def test_a_repository_of_ours_is_clean(tmp_path: Path) -> None:
    """Files in the root that are no directories are nothing to Triton."""
    assert check(tmp_path, {**classifier("a"), **classifier("b"), "README.md": "# models"}) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({".git/HEAD": ""}, [("TRN733", ".git")]),
        ({"notes/readme.txt": ""}, [("TRN733", "notes")]),
        ({"notes/": ""}, [("TRN733", "notes")]),
        ({"config.pbtxt": "", "1/model.pt": "model"}, [("TRN734", "config.pbtxt")]),
        ({"1/model.pt": "model", "2/model.pt": "model"}, [("TRN734", "1")]),
        ({"inner/a/config.pbtxt": "", "inner/b/config.pbtxt": ""}, [("TRN740", "inner")]),
        ({"README.md": ""}, [("TRN739", ".")]),
        ({"m/config.pbtext": "", "m/1/": ""}, [("TRN732", "m/config.pbtext")]),
        ({"m/Config.pbtxt": "", "m/1/": ""}, [("TRN732", "m/Config.pbtxt")]),
        ({"m/config.pbtxt.txt": "", "m/1/": ""}, [("TRN732", "m/config.pbtxt.txt")]),
        ({"m/config.txt": "", "m/1/": ""}, [("TRN732", "m/config.txt")]),
        ({"m/config.pbtxt/x": "", "m/1/": ""}, [("TRN743", "m/config.pbtxt")]),
    ],
)
def test_what_is_no_model_is_named(
    tmp_path: Path, files: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    """By the directory or file that is to blame."""
    assert ids(check(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("directory", "rule"),
    [("01", "TRN703"), ("v1", "TRN704"), ("2.bak", "TRN705"), ("99999999999999999999", "TRN706")],
)
def test_a_trap_in_a_versions_name_is_at_its_directory(
    tmp_path: Path, directory: str, rule: str
) -> None:
    """Not at some line of the config."""
    files = {**classifier("m"), f"m/{directory}/model.pt": "model"}
    found = [one for one in check(tmp_path, files) if one.rule_id == rule]
    assert [(one.file, one.line) for one in found] == [(f"m/{directory}", None)]


def test_a_version_without_its_file_is_named(tmp_path: Path) -> None:
    """The latest, which is served; the older one is not."""
    files = classifier("m") | {"m/3/other.pt": "", "m/2/other.pt": ""}
    assert ids(check(tmp_path, files)) == [("TRN707", "m/3")]


def test_a_link_that_leads_nowhere_refuses_the_model(tmp_path: Path) -> None:
    """Triton stats every name in a model's directory."""
    write(tmp_path, classifier("m"))
    (tmp_path / "m" / "loop").symlink_to("loop")
    (tmp_path / "dead").symlink_to("nowhere")
    assert ids(check(tmp_path, {})) == [("TRN736", "dead"), ("TRN736", "m/loop")]


def test_a_link_out_of_the_repository_is_a_warning(tmp_path: Path) -> None:
    """A container that mounts the repository alone does not find it; inside it is fine."""
    write(tmp_path / "elsewhere", {"model.pt": ""})
    root = write(tmp_path / "models", classifier("m"))
    (root / "m" / "2").symlink_to(tmp_path / "elsewhere")
    (root / "m" / "3").symlink_to("1")
    assert ids(check(root, {})) == [("TRN737", "m/2")]


def test_pipes_and_devices_are_not_read(tmp_path: Path) -> None:
    """They may have no end."""
    files = classifier("m")
    files["m/config.pbtxt"] = files["m/config.pbtxt"].replace(
        "dims: [3]", 'dims: [3] label_filename: "endless"'
    )
    write(tmp_path, files | {"pipe/1/model.pt": "model"})
    (tmp_path / "m" / "endless").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe" / "config.pbtxt")
    assert ids(check(tmp_path, {})) == [("TRN737", "m/endless"), ("TRN738", "pipe/config.pbtxt")]


@contextmanager
def _without_root() -> Iterator[None]:
    """Be nobody where this process is root, who may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_model_that_may_not_be_read_is_told() -> None:
    """And the others are checked."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write(folder, classifier("a") | classifier("b"))
        (folder / "a").chmod(0)
        try:
            with _without_root():
                assert ids(check(folder, {})) == [("TRN738", "a")]
        finally:
            (folder / "a").chmod(0o755)


@pytest.mark.parametrize("name", ["a b", "ä", "x%y", "new\nline"])
def test_a_name_that_no_http_request_reaches_is_a_warning(tmp_path: Path, name: str) -> None:
    """Triton does not turn %20 back."""
    files = {f"{name}/config.pbtxt": 'backend: "python"', f"{name}/1/model.py": "model"}
    assert [one.rule_id for one in check(tmp_path, files)] == ["TRN742"]


def test_names_that_are_no_utf8_are_shown(tmp_path: Path) -> None:
    """Nothing fails on them."""
    path = os.fsencode(tmp_path) + b"/m\xff"
    os.mkdir(path)  # noqa: PTH102  a name in bytes
    found = check(tmp_path, {})
    assert {one.file for one in found} == {"m\N{REPLACEMENT CHARACTER}"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbfmax_batch_size: 1", [("TRN101", 1, 1)]),
        (b"max_batch_size: 1\n\0", [("TRN101", 2, 1)]),
        (b"max_batch_size: 1\n# \xe4", [("TRN735", 2, 1)]),
        (b'max_batch_size: 1\nname: "\\377"', [("TRN735", 2, 13)]),
        (b"input {\n  nme: 'x'\n}", [("TRN101", 2, 3)]),
        (b" " * (4 * 2**20 + 1), [("TRN741", None, None)]),
    ],
)
def test_a_config_that_is_no_text_proto_has_its_line(
    tmp_path: Path, content: bytes, expected: list[tuple[str, int, int]]
) -> None:
    """What Triton itself takes is a warning: bytes that are no UTF-8 it only logs."""
    found = check(tmp_path, {"m/config.pbtxt": content, "m/1/model.py": "model"})
    assert [(one.rule_id, one.line, one.column) for one in found][:1] == expected


def test_a_parse_error_is_told_in_protobufs_words(tmp_path: Path) -> None:
    """Behind the server's own, which name the file only."""
    (found,) = check(tmp_path, {"m/config.pbtxt": "max_batchsize: 1", "m/1/model.py": "model"})
    assert found.message == (
        "failed to read text proto from m/config.pbtxt: Message type"
        ' "inference.ModelConfig" has no field named "max_batchsize". Did you mean max_batch_size?'
    )


def test_each_variant_of_a_config_is_checked(tmp_path: Path) -> None:
    """As if --model-config-name chose it; the finding names its file."""
    files = classifier("m") | {
        "m/configs/good.pbtxt": classifier("m")["m/config.pbtxt"],
        "m/configs/bad.pbtxt": classifier("m")["m/config.pbtxt"].replace("[4]", "[0]"),
        "m/configs/worse.pbtext": "",
    }
    assert ids(check(tmp_path, files)) == [
        ("TRN205", "m/configs/bad.pbtxt"),
        ("TRN732", "m/configs/worse.pbtext"),
    ]


def test_a_directorys_trap_is_told_once_with_several_configs(tmp_path: Path) -> None:
    """It is no config's fault."""
    variant = {"m/configs/gpu.pbtxt": classifier("m")["m/config.pbtxt"], "m/v2/": ""}
    assert ids(check(tmp_path, classifier("m") | variant)) == [("TRN704", "m/v2")]


@pytest.mark.parametrize(
    ("file", "host", "expected"),
    [
        ("model.onnx", Host(), []),
        ("model.py", Host(), []),
        ("model.onnx", STRICT, ["TRN731"]),
        ("model.pt", Host(), ["TRN801", "TRN801"]),
        ("weights.bin", Host(), ["TRN103"]),
    ],
)
def test_a_missing_config_is_fine_where_a_backend_completes_it(
    tmp_path: Path, file: str, host: Host, expected: list[str]
) -> None:
    """Libtorch completes nothing; of an unknown file Triton infers no backend."""
    found = check(tmp_path, {f"m/1/{file}": "model"}, host)
    assert [one.rule_id for one in found] == expected
