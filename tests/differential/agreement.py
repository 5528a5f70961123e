"""Whether the rules and the server say the same of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.model_config.rules.rule import Judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.model_config.rules.rule import Finding
    from tests.differential.case import Case
    from tests.differential.judge import Verdict


def disagreement(verdict: Verdict, findings: Sequence[Finding]) -> str | None:
    """Return how the rules' findings differ from the server's verdict, None where they agree.

    The server's first message must be the first finding's; of rules that Triton checks while it
    goes through hash maps, any finding of the same rule may be the first.
    """
    if not findings:
        return None if verdict.loads else "the rules accept it"
    if verdict.loads:
        return f"the rules refuse it: {findings[0].rule.id}"
    first = findings[0].rule
    if verdict.aborts or first.judge is Judge.abort:
        agrees = verdict.aborts and first.judge is Judge.abort
        return None if agrees else f"the rules expect {first.id}: {findings[0].message}"
    told = [one for one in findings if one.rule is first] if not first.ordered else findings[:1]
    if any(one.is_told_by(verdict.reason) for one in told):
        return None
    return f"the rules' first message is {first.id}: {findings[0].message}"


def report(case: Case, verdict: Verdict, difference: str) -> str:
    """Return a disagreement as text: what was judged, and what each of the two says."""
    files = "\n".join(f"#file {path} {content!r}" for path, content in case.files.items())
    siblings = "\n".join(f"#sibling {end}: {text}" for end, text in case.siblings.items())
    return "\n".join(
        (
            f"--- {case.purpose.value} {case.rule} (seed {case.seed}), as model {verdict.name}",
            *(part for part in (str(case.text), files, siblings) if part),
            f"server: {verdict}",
            f"rules:  {difference}",
        )
    )
