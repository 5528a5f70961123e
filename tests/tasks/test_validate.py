"""`task=validate`: the linter through packager's own command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.lint.repositories import classifier, write

if TYPE_CHECKING:
    from pathlib import Path


def validate(directory: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    """Run the task in a directory."""
    command = [sys.executable, "-m", "packager", "task=validate", *overrides]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A repository with one error and one warning."""
    broken = (
        classifier("m")["m/config.pbtxt"].replace("[3]", "[0]") + "instance_group { count: -1 }"
    )
    files = {"m/config.pbtxt": broken, "m/1/model.pt": "weights"}
    return write(tmp_path / "models", files)


def test_a_clean_repository_ends_with_0(tmp_path: Path) -> None:
    """`repository.path` is checked where no path is given."""
    write(tmp_path / "model_repository", classifier("m"))
    run = validate(tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, "nothing found in 1 model\n", "")


def test_findings_end_with_1(models: Path) -> None:
    """In the chosen format on standard output; the sum is on standard error."""
    run = validate(models.parent, "task.path=models", "task.format=json")
    found = json.loads(run.stdout)["findings"]
    assert [one["rule"] for one in found] == ["TRN205", "TRN510"]
    assert run.returncode == 1
    assert run.stderr.startswith("error: models: 1 error and 1 warning in 1 of 1 model. Remedy:")


def test_options_choose_what_is_told(models: Path) -> None:
    """As those of packager-lint."""
    run = validate(models.parent, "task.path=models", "task.ignore=[TRN2]", "task.severity=error")
    assert run.returncode == 0


def test_a_repository_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    """With a remedy."""
    run = validate(tmp_path, "task.path=absent")
    assert run.returncode == 2
    assert "absent: there is no such directory. Remedy:" in run.stderr


def test_it_does_not_import_torch(models: Path) -> None:
    """It would take seconds."""
    command = [sys.executable, "-X", "importtime", "-m", "packager", "task=validate"]
    run = subprocess.run(
        [*command, f"task.path={models}"], capture_output=True, text=True, check=False
    )
    assert "packager.lint.repository" in run.stderr
    assert re.search(r"\| +torch$", run.stderr, re.MULTILINE) is None
