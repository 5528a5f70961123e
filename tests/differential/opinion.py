"""What the rules say about a case, in the order in which the server comes upon it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from packager.errors import SpecError
from packager.model_config.parse import parse
from packager.model_config.rules import backend_fields, check, layout, members, versions
from packager.model_config.rules.facts import Host
from packager.model_config.rules.members import Member
from packager.model_config.rules.rule import Judge, Severity, Unknown
from tests.differential.case import CaseFiles, encoded
from tests.differential.judge import BACKENDS
from tests.differential.member_models import MEMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from packager.model_config.rules.rule import Finding
    from tests.differential.case import Case

HOST = Host(
    auto_complete=False,
    gpus=frozenset(),
    backends=frozenset({*BACKENDS, "python"}),
    libraries=frozenset(f"{name}/model.py" for name in BACKENDS),
    agents=frozenset(),
)
"""The judge's host: no GPU, no repository agents."""


def findings(case: Case, name: str) -> list[Finding]:
    """Return what the server refuses in the model `name`, in its order."""
    return [one for one in _all(case, name) if counts(one)]


def ending(cases: Sequence[Case]) -> list[int]:
    """Return which cases end the server, by the rules."""
    found = [findings(case, f"model{case.suffix}")[:1] for case in cases]
    return [i for i, first in enumerate(found) if first and first[0].rule.judge is Judge.abort]


def counts(finding: Finding) -> bool:
    """Return whether Triton's core itself refuses what was found."""
    rule = finding.rule
    return rule.severity is Severity.error and rule.judge in (Judge.core, Judge.abort)


def _all(case: Case, name: str) -> Iterator[Finding]:
    files = CaseFiles(name, case.files)
    content = case.config(name)
    if content is None:
        yield layout.NO_CONFIG.at(directory=Unknown("<model directory>"))
        return
    config = _parsed(content)
    if config is None:
        yield layout.UNREADABLE.at(path=layout.UNKNOWN_PATH)
        return
    known = backend_fields.infer(config, files)
    at_poll = list(check.refused_at_poll(config, known, files, HOST))
    yield from at_poll
    if config.HasField("ensemble_scheduling") and not any(map(counts, at_poll)):
        beside = dict(_member_models()) | {
            other: _member(other, encoded(text, name), CaseFiles(other, {"1/": b""}))
            for other, text in ((f"{name}{end}", text) for end, text in case.siblings.items())
        }
        beside[name] = _member(name, content, files)
        yield from members.check(name, beside)
    yield from check.refused_at_load(config, known, files, HOST)


def _parsed(content: bytes) -> Any:
    try:
        return parse(content.decode())
    except (SpecError, ValueError):
        return None


@cache
def _member_models() -> dict[str, Member]:
    return {
        name: _member(name, encoded(one.text, name), CaseFiles(name, one.files))
        for name, one in MEMBERS.items()
    }


def _member(name: str, content: bytes, files: CaseFiles) -> Member:
    config = parse(content.decode())
    known = backend_fields.infer(config, files)
    at_poll = [o for o in check.refused_at_poll(config, known, files, HOST) if counts(o)]
    at_load = [o for o in check.refused_at_load(config, known, files, HOST) if counts(o)]
    numbers = versions.present(files.directories()).numbers
    return Member(
        name=name,
        config=config,
        versions=versions.served(config, numbers),
        refusal=at_load[0].message if at_load else "",
        is_readable=not at_poll,
    )
