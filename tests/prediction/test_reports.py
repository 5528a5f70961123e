"""Predictions as they are written."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from packager.prediction.reports import Prediction, Predictions, write
from packager.prediction.scores import Class
from packager.spec.asking import PredictionFormat

if TYPE_CHECKING:
    from pathlib import Path

BAG = Class(index=8, label='bag, "[red]"', probability=0.9123456789)
SHIRT = Class(index=6, label="shirt", probability=0.05)
ODD = 'a[/b]\x1b[31m,"c"\n\udcff.png'
FOUND = Predictions(
    model="m",
    version=3,
    top=2,
    of=(
        Prediction(file=ODD, classes=(BAG, SHIRT)),
        Prediction(file="[x]", error="it is [no] image"),
    ),
)


@pytest.mark.parametrize("form", PredictionFormat)
def test_odd_names_break_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: PredictionFormat
) -> None:
    """Markup, control characters, line breaks, quotes, bytes that are no text."""
    write(FOUND, form, tmp_path / "found")
    text = (tmp_path / "found").read_text(encoding="utf-8")
    match form:
        case PredictionFormat.table:
            row = next(line for line in text.splitlines() if "bag" in line)
            assert "a[/b]\\x1b[31m" in row
            assert 'bag, "[red]"' in row
            assert "91.23%" in row
            assert "it is [no] image" in text
            assert "\x1b" not in text
        case PredictionFormat.json:
            first, second = json.loads(text)["predictions"]
            assert (first["file"], first["label"], first["index"]) == (ODD, BAG.label, 8)
            assert [one["probability"] for one in first["top"]] == [0.912346, 0.05]
            assert second == {"file": "[x]", "error": "it is [no] image"}
        case PredictionFormat.csv:
            first, second = csv.DictReader(io.StringIO(text, newline=""))
            assert first["file"] == ODD.replace("\udcff", "?")
            assert (first["label"], first["label_2"]) == (BAG.label, "shirt")
            assert second["error"] == "it is [no] image"
            assert second["label"] == ""
    write(FOUND, form, None)
    assert "shirt" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["found"]
