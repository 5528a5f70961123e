"""A whole repository: its root, every model, and the ensembles across them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.errors import SpecError
from packager.lint import ensembles, workers
from packager.lint.configs import CONFIG
from packager.lint.disk import Entry, Kind, ModelDirectory, listing
from packager.lint.located import Located, shown
from packager.lint.model_layout import is_nearly_config
from packager.model_config.rules import layout, versions
from packager.model_config.rules.facts import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packager.lint.disk import Listing
    from packager.lint.model import JudgedModel
    from packager.model_config.rules.rule import Finding

ANY_HOST = Host()


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a repository's check found; `models` are the names of all."""

    root: str
    models: tuple[str, ...]
    findings: tuple[Located, ...]


def check(root: str, *, host: Host = ANY_HOST, jobs: int = 1) -> Report:
    """Check every model of the repository in `root`; findings come by file and line.

    Raises:
        SpecError: `root` is no directory, or cannot be read.
    """
    entries = _listed(root)
    names = [one.name for one in entries.values() if one.kind is Kind.directory]
    findings = [_located(name, finding) for name, finding in _check_root(root, entries)]
    if any(one.rule_id == layout.MODEL_AS_REPOSITORY.id for one in findings):
        names = [name for name in names if not _is_part_of_model(root, name)]
    judged: list[JudgedModel] = workers.each_model(root, names, host=host, jobs=jobs)
    for one in judged:
        findings += one.findings
    found = ensembles.check(root, [config for one in judged for config in one.configs])
    unique = dict.fromkeys((*findings, *found))
    return Report(
        root=root,
        models=tuple(map(shown, names)),
        findings=tuple(sorted(unique, key=lambda one: one.order)),
    )


def _listed(root: str) -> Listing:
    remedy = "name the directory that is given to tritonserver --model-repository"
    if not root:
        raise SpecError("the repository's name is empty", where="command line", remedy=remedy)
    try:
        return listing(root)
    except NotADirectoryError as error:
        raise SpecError("is not a directory", where=shown(root), remedy=remedy) from error
    except FileNotFoundError as error:
        raise SpecError("there is no such directory", where=shown(root), remedy=remedy) from error
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise SpecError(
            f"cannot be read: {problem}", where=shown(root), remedy="check the path and its rights"
        ) from error


def _check_root(root: str, entries: Listing) -> Iterator[tuple[str, Finding]]:
    real = os.path.realpath(root)
    for entry in entries.values():
        if entry.kind is Kind.nothing:
            path = os.path.join(root, entry.name)  # noqa: PTH118
            yield entry.name, layout.BROKEN_LINK.at(path=path)
        elif entry.kind is Kind.directory and entry.is_link:
            target = os.path.realpath(os.path.join(root, entry.name))  # noqa: PTH118
            if os.path.commonpath([real, target]) != real:
                yield entry.name, layout.LINK_OUT.at(link=entry.name, target=target)
        elif entry.kind is Kind.file and (entry.name == CONFIG or is_nearly_config(entry.name)):
            yield entry.name, layout.MODEL_AS_REPOSITORY.at(file=entry.name)
    directories = [one for one in entries.values() if one.kind is Kind.directory]
    if not directories and CONFIG not in entries:
        yield "", layout.EMPTY.at()
    elif CONFIG not in entries and all(_holds_artifact(root, one) for one in directories):
        yield directories[0].name, layout.MODEL_AS_REPOSITORY.at(file=directories[0].name)


def _holds_artifact(root: str, entry: Entry) -> bool:
    """Return whether a directory is rather a version: a number, with a model's file in it."""
    if not versions.present([entry.name]).numbers:
        return False
    inside = ModelDirectory(root, "").entries(entry.name)
    return CONFIG not in inside and any(name.startswith("model.") for name in inside)


def _is_part_of_model(root: str, name: str) -> bool:
    """Return whether a directory belongs to the model that was taken for a repository."""
    if CONFIG in ModelDirectory(root, "").entries(name):
        return False
    return name in versions.RESERVED or bool(versions.present([name]).numbers)


def _located(name: str, finding: Finding) -> Located:
    return Located(
        rule_id=finding.rule.id,
        severity=finding.rule.severity,
        model="",
        file=shown(name) or ".",
        message=shown(finding.message),
    )
