"""Which rules the errors of a log are, what to do about them, and which recipe key does it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packager.errors import EXIT_FINDINGS, EXIT_OK
from packager.lint.located import shown
from packager.lint.log_messages import Message, messages
from packager.lint.runtime import RUNTIME_RULES
from packager.model_config import unreadable
from packager.model_config.rules.catalogue import RULES
from packager.model_config.rules.layout import UNREADABLE
from packager.model_config.rules.rule import Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

_LONGEST = 400
_MOST_UNKNOWN = 20
_NOT_KNOWN = "    not known: no rule is for this error"
_ID = re.compile(r"\bTRN\d{3}\b")
PLACEHOLDER = re.compile(r"{\w+}")
_BY_ID = {rule.id: rule for rule in (*RULES.values(), *RUNTIME_RULES)}
_LITERALS = {
    rule.id: sorted(map(str.strip, PLACEHOLDER.split(rule.wording)), key=len, reverse=True)
    for rule in _BY_ID.values()
}
_BY_PART = [(_LITERALS[rule.id][0], rule) for rule in _BY_ID.values()]
"""The longest fixed part of each rule's wording: nearly all rules end there, and cheaply."""
_SUMMARIES = frozenset({"TRN901", "TRN903", "TRN933", "TRN936", "TRN975"})
"""What follows from a failure whose cause another line has, or stands in every log of a host."""
_RUNTIME = frozenset(rule.id for rule in RUNTIME_RULES)
NOISE = ("CudaDriverHelper has not been initialized", "Failed to initialize NVML")
"""Errors in every log of a host without GPUs."""
_BEFORE_CAUSE = re.compile(
    r"^(?:(?:UNAVAILABLE|ERROR|Internal|Invalid argument|Unavailable|Not found|Unsupported|"
    r"Failed to create instance|failed to load '[^']*' version \d+): )+"
)
_MODEL = re.compile(r"(?:model|model directory|failed to load) '(?P<name>[^']*)'")
_TEXT_PLACE = re.compile(
    r"Error parsing text-format \S+: (?P<line>\d+):(?P<column>\d+): (?P<problem>.*)"
)


@dataclass(frozen=True, slots=True)
class Told:
    """A message and its rule; `place` is where protobuf stopped in a config, with its words."""

    message: Message
    rule: Rule
    place: re.Match[str] | None = None


def run(text: str, out: TextIO) -> int:
    """Explain what is recognised in a text, name the errors that are not; return the status."""
    found = [(message, recognise(message)) for message in messages(text)]
    unknown = list(_unknown(found))
    told = list(_distinct(list(_with_places(found)), has_unknown=bool(unknown)))
    errors = [one for one in told if one.rule.severity is Severity.error]
    warnings = [one for one in told if one.rule.severity is not Severity.error]
    _write(out, errors)
    out.writelines(f"{_cut(one)}\n{_NOT_KNOWN}\n" for one in unknown[:_MOST_UNKNOWN])
    if len(unknown) > _MOST_UNKNOWN:
        out.write(f"and {len(unknown) - _MOST_UNKNOWN} more errors that are not known\n")
    _write(out, warnings)
    if errors or (told and not unknown):
        return EXIT_OK
    if not (told or unknown):
        out.write("nothing here is known: neither a rule of config.pbtxt nor a common error\n")
    return EXIT_FINDINGS


def recognise(message: Message) -> list[Rule]:
    """Return the rules that a message names by id, else the most specific one that it tells of."""
    named = [_BY_ID[one] for one in _ID.findall(message.text) if one in _BY_ID]
    if named:
        return named
    text = message.text
    found = [rule for part, rule in _BY_PART if part in text and _tells(rule, text)]
    return sorted(found, key=lambda one: _rank(one, message), reverse=True)[:1]


def remedy(reason: str) -> str | None:
    """Return what to do about one reason of a server's; None where no rule knows it."""
    found = [rule for message in messages(reason) for rule in recognise(message)]
    return next((rule.remedy for rule in found if rule.id not in _SUMMARIES), None)


def specificity(rule: Rule) -> int:
    """Return how many characters of a rule's wording never vary."""
    return sum(map(len, _LITERALS[rule.id]))


def _rank(rule: Rule, message: Message) -> tuple[bool, int]:
    # The same words come from requests and, at a load, from a config's own samples.
    is_answer = "[request id: " in message.text and not message.is_load
    return is_answer and rule.id in _RUNTIME, specificity(rule)


def _tells(rule: Rule, text: str) -> bool:
    return all(part in text for part in _LITERALS[rule.id]) and bool(rule.pattern.search(text))


def _with_places(found: Iterable[tuple[Message, Sequence[Rule]]]) -> Iterator[Told]:
    """Yield what is recognised; protobuf's own line goes with the config that it stands before."""
    waiting: list[Told] = []
    for message, rules in found:
        place = _TEXT_PLACE.search(message.text)
        if place and "\n" not in message.text:
            waiting.append(Told(message, UNREADABLE, place))
            continue
        for rule in rules:
            if rule is UNREADABLE and len(waiting) == 1:
                yield Told(message, rule, waiting.pop().place)
            else:
                yield Told(message, rule)
        if UNREADABLE in rules:
            yield from waiting
            waiting.clear()
    yield from waiting


def _unknown(found: Sequence[tuple[Message, Sequence[Rule]]]) -> Iterator[str]:
    """Yield the entries of a log that are errors, and that nothing in them explains."""
    known = {message.error for message, rules in found if rules}
    known |= {one.error for one, _ in found if any(noise in one.error for noise in NOISE)}
    causes = {_cause(one) for one in known}
    for message, _ in found:
        cause = _cause(message.error)
        if cause and cause not in causes and not _TEXT_PLACE.search(message.text):
            causes.add(cause)
            yield message.error


def _cause(error: str) -> str:
    """Return an error without what says whose it is: a log tells one several times."""
    return _BEFORE_CAUSE.sub("", error)


def _distinct(told: Sequence[Told], *, has_unknown: bool) -> Iterator[Told]:
    """Leave out what only sums up, or repeats, what the rest of a log says already."""
    seen: set[tuple[str, str]] = set()
    only_sums_up = not has_unknown and all(one.rule.id in _SUMMARIES for one in told)
    for one in told:
        if one.rule.id in _SUMMARIES and not only_sums_up:
            continue
        key = (one.rule.id, _subject(one))
        if key not in seen:
            seen |= {key, (one.rule.id, "")}
            yield one


def _subject(told: Told) -> str:
    """Return what tells one model's failure from another's; empty where only the rule is known."""
    text = told.message.text
    if told.place and UNREADABLE.pattern.search(text) is None:
        return told.place[0]
    found = told.rule.pattern.search(text)
    if found and PLACEHOLDER.search(told.rule.wording):
        return found[0]
    model = _MODEL.search(text)
    return model["name"] if model else ""


def _write(out: TextIO, told: Iterable[Told]) -> None:
    for one in told:
        out.writelines(f"{line}\n" for line in _explanation(one))


def _explanation(told: Told) -> Iterator[str]:
    rule, remedy = told.rule, told.rule.remedy
    yield _cut(told.message.text)
    if told.place:
        line, column, problem = told.place.groups()
        remedy = unreadable.remedy(problem, line=int(line), column=int(column))
        found = UNREADABLE.pattern.search(told.message.text)
        file = found[0].rpartition(" ")[2] if found else "config.pbtxt"
        yield f"    place:  {shown(f'{file}:{line}:{column}: {problem}')}"
    yield f"    rule:   {rule.id}, told by {rule.judge.value}: {rule.wording}"
    yield f"    remedy: {remedy}"
    if rule.key:
        yield f"    recipe: {rule.key}"


def _cut(text: str) -> str:
    text = shown(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
