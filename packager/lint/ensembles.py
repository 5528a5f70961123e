"""Ensembles across a repository's models, for each kind of host that has configs of its own."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packager.lint.places import located
from packager.model_config import parse
from packager.model_config.rules import members, naming
from packager.model_config.rules.members import Member

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from packager.lint.located import Located
    from packager.lint.model import Judged
    from packager.model_config.rules.rule import Finding


def check(root: str, configs: Sequence[Judged]) -> Iterator[Located]:
    """Yield what is wrong between ensembles and the models in their steps.

    Once with every config.pbtxt, and once for each host that configs/HOST.pbtxt exist for, as
    --model-config-name=HOST chooses them; there only what the first check did not say.
    """
    if not any(one.is_ensemble for one in configs):
        return
    hosts = sorted({one.host for one in configs} | {""})
    common: set[tuple[str, str]] = set()
    for host in hosts:
        chosen = {one.model: one for one in configs if one.host == ""}
        chosen |= {one.model: one for one in configs if host and one.host == host}
        for name, finding in _check_all(chosen):
            file = chosen[name].file
            if (file, finding.message) in common:
                continue
            common.add((file, finding.message))
            foreign = host and host != chosen[name].host
            note = f" (with --model-config-name={host})" if foreign else ""
            text = _text(root, file)
            yield from located([finding], model=name, file=file, text=text, note=note)


def _check_all(chosen: Mapping[str, Judged]) -> Iterator[tuple[str, Finding]]:
    """Yield each ensemble's findings; those that others depend on come first."""
    ensembles = {name: _message(one) for name, one in chosen.items() if one.is_ensemble}
    steps = {
        name: tuple(step.model_name for step in config.ensemble_scheduling.step)
        for name, config in ensembles.items()
    }
    known = _Members(chosen, ensembles)
    for name in _by_dependence(steps):
        if not chosen[name].refusal:
            findings = list(members.check(name, known))
            if findings:
                known.refuse(name, findings[0].message)
            # A step whose model is a template's variable is told of by itself.
            yield from ((name, one) for one in findings if not naming.has_variable(one.message))


class _Members(dict[str, Member]):
    """Models by name; a message is made of a config only when an ensemble asks for it."""

    def __init__(self, chosen: Mapping[str, Judged], ensembles: Mapping[str, Any]) -> None:
        super().__init__()
        self._chosen = chosen
        self._ensembles = ensembles

    def __contains__(self, name: object) -> bool:
        return name in self._chosen

    def __missing__(self, name: str) -> Member:
        one = self._chosen[name]
        self[name] = Member(
            name=name,
            config=self._ensembles.get(name) or _message(one),
            versions=one.versions,
            refusal=one.refusal,
            is_readable=one.is_readable,
            is_complete=one.is_complete,
        )
        return self[name]

    def refuse(self, name: str, reason: str) -> None:
        """Note that an ensemble does not load, for those that it is a step of."""
        self[name] = replace(self[name], refusal=reason)


def _by_dependence(steps: Mapping[str, Iterable[str]]) -> list[str]:
    """Return ensembles in an order in which each comes after its members; cycles at the end."""
    waiting = {name: {one for one in found if one in steps} for name, found in steps.items()}
    users: dict[str, list[str]] = {name: [] for name in steps}
    for name, needed in waiting.items():
        for one in needed:
            users[one].append(name)
    ready = deque(name for name in sorted(waiting) if not waiting[name])
    order: dict[str, None] = {}
    while ready:
        name = ready.popleft()
        order[name] = None
        for user in users[name]:
            waiting[user].discard(name)
            if not waiting[user]:
                ready.append(user)
    return [*order, *(name for name in sorted(steps) if name not in order)]


def _message(one: Judged) -> Any:
    return parse.schema().ModelConfig.FromString(one.wire)


def _text(root: str, file: str) -> str:
    """Return a config's text again, to find places in it: few have findings."""
    try:
        with open(os.path.join(root, file), encoding="utf-8", errors="replace") as opened:  # noqa: PTH118, PTH123
            return opened.read()
    except OSError:
        return ""
