"""Every case: what is wrong is named, with its place and its remedy; nothing is published."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from packager.lint import command

HERE = Path(__file__).parent
CASES = {
    path.parent.name: yaml.safe_load(path.read_text()) for path in HERE.glob("*/expected.yaml")
}
BUILDS = sorted(name for name, case in CASES.items() if case["command"] == "build")
LINTED = sorted(name for name, case in CASES.items() if case["command"] == "lint")
PROCESSES = 3
ERROR = re.compile(r"error: (?P<told>.*)\n\Z", re.DOTALL)


@pytest.fixture(scope="session")
def built() -> dict[str, dict[str, Any]]:
    """What every build said; a few processes build them one after the other."""
    shares = [BUILDS[start::PROCESSES] for start in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as threads:
        lines = [line for share in threads.map(_build, shares) for line in share]
    return {told["case"]: told for told in map(json.loads, lines)}


def _build(names: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, HERE / "builds.py", *(HERE / name for name in names)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_there_are_at_least_a_hundred_cases_each_with_a_purpose_of_its_own() -> None:
    """Two hundred, and of those of one command no two with the same words."""
    assert len(CASES) >= 100
    purposes = [(case["command"], case["wrong"]) for case in CASES.values()]
    assert len(purposes) == len(set(purposes))


@pytest.mark.parametrize("name", BUILDS)
def test_a_wrong_build_is_refused_with_place_and_remedy(
    name: str, built: dict[str, dict[str, Any]]
) -> None:
    """One paragraph, no traceback, nothing published."""
    told, expected = built[name], CASES[name]
    found = ERROR.search(told["err"])
    assert found, told["err"]
    paragraph = found["told"].replace("\n", " ").replace(str(HERE / name), "{case}")
    assert told["status"] == expected["status"], paragraph
    assert paragraph.startswith(f"{expected['place']}: "), paragraph
    assert paragraph.rpartition(" Remedy: ")[2].startswith(expected["remedy"]), paragraph
    assert "Traceback" not in told["err"] + told["out"]
    assert not [path for path in told["published"] if path.endswith(("model.pt", "config.pbtxt"))]


@pytest.mark.parametrize("name", LINTED)
def test_a_wrong_repository_is_named_by_rule_place_and_remedy(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that is wrong, and nothing else."""
    expected = CASES[name]
    repository = HERE / name / "repository"
    arguments = [str(repository), "--format", "json", *expected.get("arguments", ())]
    status = command.run(arguments)
    out, err = capsys.readouterr()
    found = [
        {"rule": one["rule"], "place": _place(one, repository), "remedy": one["remedy"]}
        for one in json.loads(out)["findings"]
    ]
    assert found == expected["findings"]
    assert (status, err) == (1, "")


def _place(finding: dict[str, Any], repository: Path) -> str:
    """The finding's file, in the repository, with line and column where there are any."""
    file = str(Path(finding["file"]).absolute().relative_to(repository))
    return file if finding["line"] is None else f"{file}:{finding['line']}:{finding['column']}"
