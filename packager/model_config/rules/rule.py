"""A rule with a stable id, and what breaks it: the finding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, cached_property

Path = tuple[str | int, ...]
"""Where a field is in a `ModelConfig`: ("input", 0, "dims", 1), or ("parameters", "KEY")."""

_PLACEHOLDER = re.compile(r"{(\w+)}")


class Severity(Enum):
    """An error never works; a warning works, but hardly as meant."""

    error = "error"
    warning = "warning"


class Judge(Enum):
    """Who refuses what breaks a rule."""

    core = "Triton's core"
    abort = "Triton's core, by ending the whole server"
    newer_core = "Triton's core, in releases after 24.10"
    backend = "the backend"
    packager = "packager: Triton does not check it"


class Unknown(str):
    """Stands where Triton's message has what only its host knows, a path for example."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What must hold, in the words of who refuses it.

    `wording` has a {placeholder} for whatever varies; `key` is the recipe's key that sets the
    field, empty where recipes cannot. Where Triton looks through hash maps it names any one of
    several fields that break a rule: then `ordered` is False.
    """

    id: str
    wording: str
    remedy: str
    judge: Judge = Judge.core
    severity: Severity = Severity.error
    key: str = ""
    ordered: bool = True

    def at(self, *path: str | int, **values: object) -> Finding:
        """Return this rule as broken by the field at `path`; `values` fill the wording."""
        return Finding(rule=self, path=path, values=values)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What Triton's messages of this rule look like, wherever they stand in a line."""
        return _compiled(self.wording, (), is_part=True)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule that a field breaks."""

    rule: Rule
    path: Path
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """The words of who refuses it; what only the server's host knows is between < and >."""
        return self.rule.wording.format(**self.values)

    def is_told_by(self, message: str) -> bool:
        """Return whether a server's `message` says just this."""
        return _pattern(self.rule.wording, self.values).fullmatch(message) is not None


def _pattern(wording: str, values: Mapping[str, object]) -> re.Pattern[str]:
    known = {key: str(value) for key, value in values.items() if not isinstance(value, Unknown)}
    return _compiled(wording, tuple(sorted(known.items())))


@cache
def _compiled(
    wording: str, known: tuple[tuple[str, str], ...], *, is_part: bool = False
) -> re.Pattern[str]:
    """Return what a message looks like; as a part of a text, it ends with the line at most."""
    values = dict(known)
    parts = _PLACEHOLDER.split(wording)
    texts = [re.escape(part) for part in parts]
    seen: set[str] = set()
    for index in range(1, len(parts), 2):
        name = parts[index]
        if name in values:
            texts[index] = re.escape(values[name])
        else:
            texts[index] = f"(?P={name})" if name in seen else f"(?P<{name}>.*?)"
            seen.add(name)
    if is_part and len(parts) > 1 and not parts[-1]:
        # What stands for an empty value was stripped with the space before it.
        texts[-2] = "[^\n]*"
        texts[-3] = re.sub(r"\\ $", "(?: |$)", texts[-3])
    return re.compile("".join(texts), re.DOTALL)
