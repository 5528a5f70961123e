"""All rules with their ids: `--rules`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from packager.lint.reports import Format
from packager.lint.runtime import RUNTIME_RULES
from packager.model_config.rules.catalogue import RULES

if TYPE_CHECKING:
    from typing import TextIO

    from packager.model_config.rules.rule import Rule


def write(form: Format, out: TextIO) -> None:
    """Write the rules, then what --explain knows beside them; as JSON for any other format."""
    if form is Format.text:
        out.writelines(
            f"{rule.id}  {rule.severity.value:7}  {rule.wording}\n" for rule in RULES.values()
        )
        out.write("\nonly explained (--explain):\n")
        out.writelines(f"{rule.id}  {rule.wording}\n" for rule in RUNTIME_RULES)
        return
    json.dump([_plain(one) for one in (*RULES.values(), *RUNTIME_RULES)], out, indent=2)
    out.write("\n")


def _plain(rule: Rule) -> dict[str, str]:
    return {
        "rule": rule.id,
        "severity": rule.severity.value,
        "wording": rule.wording,
        "remedy": rule.remedy,
        "judge": rule.judge.value,
        "recipe_key": rule.key,
    }
