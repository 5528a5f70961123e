"""Which rules the errors of a log are, what to do about them, and which recipe key does it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packager.errors import EXIT_FINDINGS, EXIT_OK
from packager.lint.located import shown
from packager.lint.log_messages import Message, messages
from packager.lint.runtime import RUNTIME_RULES
from packager.model_config.rules.catalogue import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from packager.model_config.rules.rule import Rule

_LONGEST = 400
_ID = re.compile(r"\bTRN\d{3}\b")
PLACEHOLDER = re.compile(r"{\w+}")
_BY_ID = {rule.id: rule for rule in (*RULES.values(), *RUNTIME_RULES)}
_LITERALS = {
    rule.id: sorted(PLACEHOLDER.split(rule.wording), key=len, reverse=True)
    for rule in _BY_ID.values()
}
_SUMMARIES = frozenset({"TRN901", "TRN903", "TRN933", "TRN936", "TRN975"})
"""What follows from a failure whose cause another line has, or stands in every log of a host."""
_RUNTIME = frozenset(rule.id for rule in RUNTIME_RULES)


def run(text: str, out: TextIO) -> int:
    """Explain what is recognised in a text; return the exit status."""
    told = [(message, rule) for message in messages(text) for rule in recognise(message)]
    for message, rule in _distinct(told):
        out.writelines(f"{line}\n" for line in _explanation(message, rule))
    if told:
        return EXIT_OK
    out.write("nothing here is known: neither a rule of config.pbtxt nor a common error\n")
    return EXIT_FINDINGS


def recognise(message: Message) -> list[Rule]:
    """Return the rules that a message names by id, else the most specific one that it tells of."""
    named = [_BY_ID[one] for one in _ID.findall(message.text) if one in _BY_ID]
    if named:
        return named
    found = [rule for rule in _BY_ID.values() if _tells(rule, message.text)]
    return sorted(found, key=lambda one: _rank(one, message), reverse=True)[:1]


def specificity(rule: Rule) -> int:
    """Return how many characters of a rule's wording never vary."""
    return sum(map(len, _LITERALS[rule.id]))


def _rank(rule: Rule, message: Message) -> tuple[bool, int]:
    # The same words come from requests and, at a load, from a config's own samples.
    is_answer = "[request id: " in message.text and not message.is_load
    return is_answer and rule.id in _RUNTIME, specificity(rule)


def _tells(rule: Rule, text: str) -> bool:
    # The longest fixed part first: nearly all rules end there, and cheaply.
    return all(part in text for part in _LITERALS[rule.id]) and bool(rule.pattern.search(text))


def _distinct(told: list[tuple[Message, Rule]]) -> Iterator[tuple[Message, Rule]]:
    """Leave out what only sums up, or repeats, what the rest of a log says already."""
    seen: set[tuple[str, str]] = set()
    only_sums_up = all(rule.id in _SUMMARIES for _, rule in told)
    for message, rule in told:
        if rule.id in _SUMMARIES and not only_sums_up:
            continue
        found = rule.pattern.search(message.text)
        key = (rule.id, found[0] if found else message.text)
        if key not in seen:
            seen.add(key)
            yield message, rule


def _explanation(message: Message, rule: Rule) -> Iterator[str]:
    text = shown(message.text)
    yield text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
    yield f"    rule:   {rule.id}, told by {rule.judge.value}: {rule.wording}"
    yield f"    remedy: {rule.remedy}"
    if rule.key:
        yield f"    recipe: {rule.key}"
