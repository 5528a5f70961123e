"""Where findings of a config are: in its text, or in a directory of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packager.lint.located import Located, shown, worded
from packager.model_config.locate import Places
from packager.model_config.rules import versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packager.model_config.rules.rule import Finding

_OF_DIRECTORY = {
    one.id: "directory"
    for one in (
        versions.LEADING_ZERO,
        versions.NO_NUMBER,
        versions.TRAILING,
        versions.OUT_OF_RANGE,
    )
} | {
    versions.NO_FILE.id: "version",
    versions.EMPTY_FILE.id: "path",
    versions.POINTER.id: "path",
}
"""Rule -> which of its values names the directory that it is about."""


def located(
    findings: Iterable[Finding], *, model: str, file: str, text: str, note: str = ""
) -> Iterator[Located]:
    """Yield findings with their places; `file` is relative to the repository.

    Without a text the model directory is the place. `note` goes behind each message.
    """
    places: Places | None = None
    for one in findings:
        line = column = None
        place, directory = file, _OF_DIRECTORY.get(one.rule.id)
        if directory is not None:
            place = f"{model}/{one.values[directory]}"
        elif text or file.endswith(".pbtxt"):
            places = places or Places(text)
            line, column = places.of(one.path)
        yield Located(
            rule_id=one.rule.id,
            severity=one.rule.severity,
            model=shown(model),
            file=shown(place),
            line=line,
            column=column,
            path=one.path,
            message=shown(worded(one, model) + note),
        )
