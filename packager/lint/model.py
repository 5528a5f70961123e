"""One model's own findings: its directory, and each of its configs by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packager.lint import artifacts, configs, places
from packager.lint.disk import Kind, ModelDirectory
from packager.lint.located import Located, shown, worded
from packager.lint.model_layout import check_layout, is_nearly_config, without_config
from packager.model_config import parse
from packager.model_config.rules import (
    backend_fields,
    check,
    completion,
    naming,
    versions,
)
from packager.model_config.rules.layout import NO_ACCESS
from packager.model_config.rules.rule import Judge, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packager.lint.configs import Source
    from packager.model_config.rules.facts import Host
    from packager.model_config.rules.rule import Finding

_BY_TRITON = (Judge.core, Judge.backend, Judge.abort)


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A config of a model as an ensemble finds it; `wire` is the message, empty for none.

    `refusal` is why Triton does not load it, empty where it does.
    """

    model: str
    file: str
    host: str
    wire: bytes
    is_ensemble: bool = False
    versions: frozenset[int] = frozenset()
    refusal: str = ""
    is_readable: bool = True
    is_complete: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedModel:
    """A model's findings, and its configs for the ensembles that use it."""

    findings: tuple[Located, ...]
    configs: tuple[Judged, ...] = ()


def judge(path: str, name: str, host: Host) -> JudgedModel:
    """Judge the model in the directory `path`; reads it, and never fails."""
    files = ModelDirectory(path, name)
    try:
        present = files.top
    except OSError as error:
        problem = NO_ACCESS.at(file=name, problem=error.strerror or error)
        return JudgedModel(findings=(_of_directory(problem, name),))
    findings = [_of_directory(one, name, file) for file, one in check_layout(files)]
    links = [one.name for one in present.values() if one.kind is Kind.nothing]
    sources = tuple(configs.sources(files))
    if not sources:
        refused = tuple(without_config(files, host))
        findings += [_of_directory(one, name) for one in refused]
        misnamed = any(map(is_nearly_config, present))
        if refused or links or misnamed:
            return JudgedModel(findings=tuple(findings))
        sources = (configs.Source(file=""),)
    judged = [_judge_config(files, source, host) for source in sources]
    for found, _ in judged:
        findings += found
    kept = tuple(one for _, one in judged if one is not None and not links)
    # What does not depend on a config is found with each of them.
    return JudgedModel(findings=tuple(dict.fromkeys(findings)), configs=kept)


def _judge_config(
    files: ModelDirectory, source: Source, host: Host
) -> tuple[list[Located], Judged | None]:
    read = (
        configs.read(files, source.file)
        if source.file
        else configs.Read(text="", config=parse.schema().ModelConfig())
    )
    file = f"{files.name}/{source.file}".rstrip("/")
    findings = [_of_file(one, files.name, file) for one in read.problems]
    if read.config is None:
        return findings, None
    config = read.config
    known = backend_fields.infer(config, files)
    at_poll = list(check.refused_at_poll(config, known, files, host))
    at_load = list(check.refused_at_load(config, known, files, host))
    broken = [*at_poll, *at_load, *check.taken(config, known, files, host)]
    broken += artifacts.check(config, known, files)
    broken = naming.without_consequences(broken)
    if broken:
        findings += places.located(broken, model=files.name, file=file, text=read.text)
        findings = [_softened(one, known, host) for one in findings]
    numbers = versions.present(files.directories()).numbers
    judged = Judged(
        model=files.name,
        file=file,
        host=source.host,
        wire=config.SerializeToString(),
        is_ensemble=config.HasField("ensemble_scheduling"),
        versions=versions.served(config, numbers),
        refusal=_refusal((*at_poll, *at_load), known, host),
        is_readable=not _refusal(at_poll, known, host),
        is_complete=completion.is_complete(config, known, host),
    )
    return findings, judged


def _refusal(findings: Iterable[Finding], known: backend_fields.Identity, host: Host) -> str:
    """Return the first finding for which Triton refuses the model; empty for none."""
    for one in findings:
        is_error = completion.severity(one.rule, known, host) is Severity.error
        if is_error and one.rule.judge in _BY_TRITON:
            return one.message
    return ""


def _softened(one: Located, known: backend_fields.Identity, host: Host) -> Located:
    """Return a finding as it weighs on this host: what a backend completes is a warning."""
    severity = completion.severity(one.rule, known, host)
    return one if severity is one.severity else replace(one, severity=severity)


def _of_directory(finding: Finding, model: str, file: str = "") -> Located:
    return Located(
        rule_id=finding.rule.id,
        severity=finding.rule.severity,
        model=shown(model),
        file=shown(f"{model}/{file}".rstrip("/")),
        message=shown(worded(finding, model)),
    )


def _of_file(problem: configs.Problem, model: str, file: str) -> Located:
    message = ": ".join(filter(None, (worded(problem.finding, model), problem.note)))
    return Located(
        rule_id=problem.finding.rule.id,
        severity=problem.finding.rule.severity,
        model=shown(model),
        file=shown(file),
        line=problem.line,
        column=problem.column,
        message=shown(message),
        advice=shown(problem.advice),
    )
