"""Ensembles against the models in their steps, as the repository has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from packager.model_config.rules.facts import Host
from tests.lint.repositories import check, classifier, ensemble, ids

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = 'backend: "python"\nmax_batch_size: 8\n'


def test_an_ensemble_that_fits_is_clean(tmp_path: Path) -> None:
    """Its member is checked too."""
    assert check(tmp_path, ensemble("e", member="m") | classifier("m")) == []


@pytest.mark.parametrize(
    ("files", "rule", "line", "column"),
    [
        (ensemble("e", member="absent"), "TRN431", 8, 5),
        (ensemble("e", member="e"), "TRN432", 6, 1),
        (ensemble("e", member="m") | {"m/config.pbtxt": "broken"}, "TRN431", 8, 5),
    ],
)
def test_a_member_that_is_not_there_is_at_its_step(
    tmp_path: Path, files: dict[str, str], rule: str, line: int, column: int
) -> None:
    """With line and column in the ensemble's config."""
    found = [one for one in check(tmp_path, files) if one.model == "e"]
    assert [(one.rule_id, one.line, one.column) for one in found] == [(rule, line, column)]


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("[3]", "[5]", "TRN441", 11),
        ("TYPE_FP32\n  dims: [3]", "TYPE_INT8\n  dims: [3]", "TRN440", 11),
        ('"input0"', '"image"', "TRN436", 10),
        ("max_batch_size: 8", "max_batch_size: 4", "TRN435", 3),
    ],
)
def test_a_member_that_does_not_fit_is_at_its_mapping(
    tmp_path: Path, old: str, new: str, rule: str, line: int
) -> None:
    """In the words of the server, which looks at them only when it loads the ensemble."""
    member = classifier("m")
    member["m/config.pbtxt"] = member["m/config.pbtxt"].replace(old, new)
    found = check(tmp_path, ensemble("e", member="m") | member)
    assert (rule, "e/config.pbtxt", line) in [(one.rule_id, one.file, one.line) for one in found]


def test_a_version_that_the_members_policy_does_not_serve_is_named(tmp_path: Path) -> None:
    """Versions come from the directories."""
    files = ensemble("e", member="m") | classifier("m") | {"m/2/model.pt": "model"}
    files["e/config.pbtxt"] = files["e/config.pbtxt"].replace("-1", "1")
    assert ids(check(tmp_path, files)) == [("TRN434", "e/config.pbtxt")]


def test_a_refused_member_is_given_as_the_reason(tmp_path: Path) -> None:
    """Through several ensembles: each says what it depends on."""
    member = classifier("m")
    member["m/config.pbtxt"] += 'parameters { key: "ENABLE_CACHE_CLEANING" }\n'
    outer = ensemble("outer", member="e")
    outer["outer/config.pbtxt"] = (
        outer["outer/config.pbtxt"]
        .replace('key: "input0"', 'key: "X"')
        .replace('key: "output0"', 'key: "Y"')
    )
    found = check(tmp_path, outer | ensemble("e", member="m") | member)
    assert ids(found) == [
        ("TRN433", "e/config.pbtxt"),
        ("TRN808", "m/config.pbtxt"),
        ("TRN433", "outer/config.pbtxt"),
    ]
    assert "failed to convert ENABLE_CACHE_CLEANING" in found[0].message


def test_a_long_chain_of_ensembles_is_followed(tmp_path: Path) -> None:
    """Without a limit of depth."""
    files = classifier("m0000")
    for number in range(1, 300):
        name, member = f"m{number:04}", f"m{number - 1:04}"
        files |= ensemble(name, member=member)
        if number > 1:
            text = files[f"{name}/config.pbtxt"]
            text = text.replace('key: "input0"', 'key: "X"').replace('key: "output0"', 'key: "Y"')
            files[f"{name}/config.pbtxt"] = text
    assert check(tmp_path, files) == []


def test_a_member_that_its_backend_completes_is_not_compared(tmp_path: Path) -> None:
    """Unless the server completes nothing: then it has no such tensors."""
    files = ensemble("e", member="m") | {"m/config.pbtxt": PYTHON, "m/1/model.py": "model"}
    assert check(tmp_path, files) == []
    found = check(tmp_path / "again", files, Host(auto_complete=False))
    assert {one.rule_id for one in found if one.model == "e"} == {"TRN436", "TRN438"}


def test_a_variant_that_does_not_fit_names_the_flag(tmp_path: Path) -> None:
    """The ensemble itself is the same on every host; its member's config is not."""
    member = classifier("m")
    member["m/configs/gpu.pbtxt"] = member["m/config.pbtxt"].replace("[3]", "[7]")
    (found,) = check(tmp_path, ensemble("e", member="m") | member)
    assert (found.rule_id, found.file) == ("TRN441", "e/config.pbtxt")
    assert found.message.endswith("(with --model-config-name=gpu)")


@pytest.mark.parametrize(
    ("auto_complete", "expected"), [(True, [("TRN203", "warning")]), (False, [("TRN203", "error")])]
)
def test_dims_that_a_backend_may_complete_are_a_warning(
    tmp_path: Path, auto_complete: bool, expected: list[tuple[str, str]]
) -> None:
    """An error where the server lets it complete nothing."""
    text = PYTHON + 'input { name: "x" data_type: TYPE_FP32 }\n'
    files = {"m/config.pbtxt": text, "m/1/model.py": "model"}
    found = check(tmp_path, files, Host(auto_complete=auto_complete))
    assert [(one.rule_id, one.severity.value) for one in found] == expected
