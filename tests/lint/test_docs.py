"""docs/lint.md: its tables are the catalogue's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from packager.lint.runtime import RUNTIME_RULES
from packager.model_config.rules.catalogue import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.model_config.rules.rule import Rule

DOCS = Path(__file__).parents[2] / "docs" / "lint.md"


@pytest.mark.parametrize(
    ("name", "rules"), [("rules", tuple(RULES.values())), ("runtime rules", RUNTIME_RULES)]
)
def test_the_documented_rules_are_those_of_the_catalogue(
    name: str, rules: tuple[Rule, ...], request: pytest.FixtureRequest
) -> None:
    """`pytest tests/lint/test_docs.py --rewrite-golden` writes the tables anew."""
    before, _, rest = DOCS.read_text().partition(f"<!-- {name} -->\n")
    written, _, after = rest.partition(f"<!-- end of {name} -->\n")
    expected = _table(rules)
    if request.config.getoption("--rewrite-golden"):
        DOCS.write_text(f"{before}<!-- {name} -->\n{expected}<!-- end of {name} -->\n{after}")
        return
    assert written == expected


def _table(rules: Sequence[Rule]) -> str:
    """Rules as a table of markdown."""
    rows = ["| id | severity | wording | told by | remedy |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| {one.id} | {one.severity.value} | {_cell(one.wording)} | {one.judge.value} |"
        f" {_cell(one.remedy)} |"
        for one in rules
    ]
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
