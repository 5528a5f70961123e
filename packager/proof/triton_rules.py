"""Triton's rules on a rendered config: an error refuses the build, a warning is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packager.errors import ProofError
from packager.model_config.locate import Places
from packager.model_config.rules.check import check
from packager.model_config.rules.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.model_config.rules.rule import Finding


def require(text: str, config: Any, where: str) -> list[str]:
    """Return warnings of the rules that `text`, parsed to `config`, breaks.

    What depends on the server's host is not judged here: the live proof asks a server.

    Raises:
        ProofError: it breaks a rule for which it would not work; names all, with their places.
    """
    found = check(config)
    if not found:
        return []
    places = Places(text)
    errors = [one for one in found if one.rule.severity is Severity.error]
    if errors:
        first, *others = errors
        more = (f"; at {_place(one, places)} {_words(one)}" for one in others)
        raise ProofError(
            f"{_words(first)}{''.join(more)}",
            where=f"{where}:{_place(first, places)}",
            remedy=_remedy(errors),
        )
    return [f"{where}:{_place(one, places)}: {_words(one)}: {_remedy([one])}" for one in found]


def _place(finding: Finding, places: Places) -> str:
    line, column = places.of(finding.path)
    return f"{line}:{column}"


def _words(finding: Finding) -> str:
    return f"{finding.rule.id} {finding.message}"


def _remedy(findings: Sequence[Finding]) -> str:
    told = (
        f"{rule.remedy} (recipe: {rule.key})" if rule.key else rule.remedy
        for rule in (one.rule for one in findings)
    )
    return "; ".join(dict.fromkeys(told))
