"""The rules of a config.pbtxt against a real Triton: drawn models, judged by both.

    python bench/differential.py [--json FILE] [--cases N] [--seed S] [--disable TRN301] [--full]

Ends with 1 where the two disagree, and prints each case with both verdicts. `--disable` leaves a
rule out: the bench must then disagree. `--full` draws four times as many cases.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from packager.model_config.rules.rule import Finding
from tests.differential import plan
from tests.differential.agreement import disagreement, report
from tests.differential.case import Case, Purpose
from tests.differential.judge import Judge, Verdict
from tests.differential.opinion import ending, findings

CASES, SEED = 2_400, 1
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """A case, what the server says and what the rules say."""

    case: Case
    verdict: Verdict
    findings: Sequence[Finding]

    def without(self, rule: str) -> str | None:
        """Return how the two differ where a rule is left out, None where they agree."""
        rest = [one for one in self.findings if one.rule.id != rule]
        return disagreement(self.verdict, rest)

    @property
    def only_rule(self) -> str:
        """The rule that alone is broken, empty where none or several are."""
        rules = {one.rule.id for one in self.findings}
        return rules.pop() if len(rules) == 1 else ""


def judged(cases: Sequence[Case]) -> list[Judged]:
    """Judge all cases by one server, and by the rules."""
    with tempfile.TemporaryDirectory(prefix="packager-bench-") as folder:
        repository = Path(folder) / "repository"
        repository.mkdir()
        verdicts = Judge(repository).verdicts(cases, ending=ending(cases))
    return [
        Judged(case, verdict, findings(case, verdict.name))
        for case, verdict in zip(cases, verdicts, strict=True)
    ]


def counts(results: Sequence[Judged]) -> tuple[Counter[str], Counter[str]]:
    """Return for every rule how often it alone was broken, and how often it nearly was."""
    only = Counter(one.only_rule for one in results if not one.verdict.loads)
    near = Counter(
        one.case.rule
        for one in results
        if one.case.purpose is Purpose.near_miss and one.verdict.loads
    )
    return only, near


def unnoticed(results: Sequence[Judged]) -> list[str]:
    """Return the rules that nothing would miss."""
    return [rule for rule in plan.PAIRS if not any(one.without(rule) for one in results)]


def main() -> int:
    """Draw, judge, compare; print a table, write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--disable", default="", metavar="TRNxxx", help="leave a rule out")
    parser.add_argument("--full", action="store_true", help="four times as many cases")
    arguments = parser.parse_args()
    cases = plan.cases(arguments.seed, arguments.cases * (4 if arguments.full else 1))
    started = time.monotonic()
    results = judged(cases)
    seconds = time.monotonic() - started
    differing = [one for one in results if one.without(arguments.disable)]
    for one in differing[:SHOWN]:
        print(report(one.case, one.verdict, one.without(arguments.disable) or ""))
        print(f"replay: bench/differential.py --seed {arguments.seed} --cases {arguments.cases}")
    figures = _figures(results, seconds, len(differing), arguments.seed)
    _print(results, figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if differing else 0


def _figures(
    results: Sequence[Judged], seconds: float, disagreements: int, seed: int
) -> dict[str, float]:
    only, near = counts(results)
    valid = sum(one.verdict.loads for one in results)
    return {
        "cases": len(results),
        "disagreements": disagreements,
        "seed": seed,
        "valid_fraction": valid / len(results),
        "aborts": sum(one.verdict.aborts for one in results),
        "rules": len(plan.PAIRS),
        "least_cases_of_one_violation": min(only[rule] for rule in plan.PAIRS),
        "least_near_misses": min(near[rule] for rule in plan.PAIRS),
        "rules_that_nothing_misses": len(unnoticed(results)),
        "seconds": seconds,
    }


def _print(results: Sequence[Judged], figures: dict[str, float]) -> None:
    only, near = counts(results)
    print(f"{'rule':8} {'only violation':>15} {'near-misses accepted':>22}")
    for rule in sorted(plan.PAIRS):
        print(f"{rule:8} {only[rule]:15} {near[rule]:22}")
    for purpose, number in Counter(one.case.purpose.value for one in results).items():
        print(f"{purpose:32} {number:12,}")
    for key, value in figures.items():
        print(f"{key:32} {value:12,.4g}")


if __name__ == "__main__":
    sys.exit(main())
