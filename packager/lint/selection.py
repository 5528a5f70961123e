"""Which of the findings are told: by rule, by severity, by model."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.model_config.rules.catalogue import RULES
from packager.model_config.rules.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packager.lint.located import Located
    from packager.lint.repository import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Rules by id or by its beginning (TRN7), the lowest severity, and models; empty: all."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Severity = Severity.warning
    models: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for key in ("select", "ignore"):
            for prefix in getattr(self, key):
                if not prefix or not any(rule.startswith(prefix) for rule in RULES):
                    raise SpecError(
                        f"there is no rule {prefix!r}",
                        where=key,
                        remedy="`packager-lint --rules` lists them; TRN7 means all that begin so",
                    )

    def applied(self, report: Report) -> Report:
        """Return the report with what is asked for.

        Raises:
            SpecError: a model is not in the repository.
        """
        for name in self.models:
            if name not in report.models:
                raise SpecError(
                    f"there is no model '{name}' in {report.root}",
                    where="command line",
                    remedy=_remedy(name, report.models),
                )
        kept = tuple(one for one in report.findings if self._wants(one))
        return replace(report, findings=kept, models=self.models or report.models)

    def _wants(self, finding: Located) -> bool:
        if self.severity is Severity.error and finding.severity is not Severity.error:
            return False
        if self.models and finding.model not in self.models:
            return False
        if finding.rule_id.startswith(self.ignore):
            return False
        return not self.select or finding.rule_id.startswith(self.select)


def _remedy(name: str, models: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, models, n=1) or list(models[:1])
    return f"did you mean '{close[0]}'?" if close else "the repository holds none"
