"""`python -m tests.cases`: how many wrong builds and repositories there are, of how many rules."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import yaml

from packager.model_config.rules.catalogue import RULES


def main() -> None:
    """Print the size of the catalogue."""
    folders = Path(__file__).parent.glob("*/expected.yaml")
    cases = [yaml.safe_load(path.read_text()) for path in folders]
    commands = Counter(case["command"] for case in cases)
    statuses = Counter(case["status"] for case in cases if case["command"] == "build")
    rules = {one["rule"] for case in cases for one in case.get("findings", ())}
    by_status = ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items()))
    sys.stdout.write(
        f"cases                {len(cases)}\n"
        f"  wrong builds       {commands['build']} (exit status: {by_status})\n"
        f"  wrong repositories {commands['lint']}\n"
        f"rules broken in them {len(rules)} of {len(RULES)}\n"
    )


if __name__ == "__main__":
    main()
