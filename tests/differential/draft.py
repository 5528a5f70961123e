"""A case while it is drawn: a message to change, and files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.protobuf import text_format

from packager.model_config.parse import schema
from tests.differential.case import NAME, Case, Purpose


@dataclass(kw_only=True, slots=True)
class Draft:
    """A `ModelConfig` and the files beside it; strategies change both in place."""

    config: Any = field(default_factory=lambda: schema().ModelConfig(name=NAME))
    files: dict[str, bytes] = field(default_factory=lambda: {"1/": b""})
    siblings: dict[str, str] = field(default_factory=dict)
    suffix: str = ""
    text: str | None = None
    has_text: bool = True

    def case(self, purpose: Purpose, *, rule: str = "", seed: int = 0) -> Case:
        """Return the case; its text is the message's, where no other was written."""
        text = text_format.MessageToString(self.config) if self.text is None else self.text
        return Case(
            text=text if self.has_text else None,
            purpose=purpose,
            rule=rule,
            files=dict(self.files),
            suffix=self.suffix,
            siblings=dict(self.siblings),
            seed=seed,
        )
