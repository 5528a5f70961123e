"""Formats: each says the same, in its own way."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from packager.lint import repository
from packager.lint.reports import Format, write
from packager.model_config.rules.catalogue import RULES
from tests.lint import repositories

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "b/config.pbtxt": 'platform: "pytorch_libtorch"\ninput {\n  dims: [0]\n}\n',
    "b/1/model.pt": "model",
    "a,b: c%/1/model.pt": "model",
}


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> repository.Report:
    """A repository with findings, in the working directory."""
    monkeypatch.chdir(tmp_path)
    repositories.write(tmp_path / "models", FILES)
    return repository.check("models")


def _written(report: repository.Report, form: Format) -> str:
    out = io.StringIO()
    write(report, form, out)
    return out.getvalue()


def test_findings_come_by_file_and_line(report: repository.Report) -> None:
    """Whatever order they were found in."""
    assert list(report.findings) == sorted(report.findings, key=lambda one: one.order)
    assert len({one.file for one in report.findings}) > 1


def test_people_get_place_rule_wording_and_remedy(report: repository.Report) -> None:
    """And a summary at last."""
    lines = _written(report, Format.text).splitlines()
    at = lines.index(
        "models/b/config.pbtxt:3:10: error TRN205: model input '' dimension must be integer >= 1,"
        " or -1 to indicate a variable-size dimension for b"
    )
    assert lines[at + 1] == "    remedy: set a positive size, or -1 where the model takes any"
    assert lines[-1].endswith("in 2 of 2 models")


def test_a_clean_repository_is_one_line(tmp_path: Path) -> None:
    """Nothing else."""
    repositories.write(tmp_path, repositories.classifier("m"))
    found = _written(repository.check(str(tmp_path)), Format.text)
    assert found == "nothing found in 1 model\n"


def test_json_has_every_finding(report: repository.Report) -> None:
    """With its field's path."""
    content = json.loads(_written(report, Format.json))
    assert content["errors"] + content["warnings"] == len(content["findings"])
    (size,) = [one for one in content["findings"] if one["rule"] == "TRN205"]
    assert (size["line"], size["column"], size["field"]) == (3, 10, "input[0].dims[0]")
    assert size["file"] == "models/b/config.pbtxt"


def test_github_annotations_are_escaped(report: repository.Report) -> None:
    """A comma or colon would end a property."""
    text = _written(report, Format.github)
    assert "::error file=models/b/config.pbtxt,line=3,col=10,title=TRN205::model input" in text
    assert "::warning file=models/a%2Cb%3A c%25,title=TRN742::" in text


def test_sarif_has_what_its_schema_requires(report: repository.Report) -> None:
    """Required: version, runs, tool.driver.name, each rule's id, each result's message."""
    log: dict[str, Any] = json.loads(_written(report, Format.sarif))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [one["id"] for one in rules] == list(RULES)
    assert all(one["help"]["text"] and one["shortDescription"]["text"] for one in rules)
    assert len(run["results"]) == len(report.findings)
    for one in run["results"]:
        assert one["message"]["text"]
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["level"] in ("error", "warning")
        place = one["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
        assert place["artifactLocation"]["uri"].startswith("models/")
    uris = {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]
    }
    assert "models/a%2Cb%3A%20c%25" in uris
