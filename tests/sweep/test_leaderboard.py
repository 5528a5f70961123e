"""Jobs compared: who is first, what tells them apart, and the same as CSV, JSON and a picture."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console

from packager.spec.sweeping import By
from packager.sweep import plot
from packager.sweep.results import DONE, FAILED, INTERRUPTED, KILLED, RUNNING
from packager.sweep_console import leaderboard_table

from .boards import board, job

if TYPE_CHECKING:
    from packager.sweep.leaderboard import Leaderboard

RATES = {"0.1": 0.62, "0.01": 0.88, "0.001": 0.91, "1e-4": 0.85}


def _jobs(told: Leaderboard) -> list[str]:
    return [row.job for row in told.rows]


def _printed(told: Leaderboard, *, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO(), highlight=False)
    console.print(leaderboard_table(told))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_highest_accuracy_is_first() -> None:
    """Ranks begin with 1."""
    told = board([job("a=1", accuracy=0.5), job("a=2", accuracy=0.9), job("a=3", accuracy=0.7)])
    assert _jobs(told) == ["1", "2", "0"]
    assert [row.rank for row in told.rows] == [1, 2, 3]
    assert told.winner is not None
    assert told.winner.job == "1"


def test_of_equal_jobs_the_first_wins() -> None:
    """Whatever they are compared by."""
    same = [job(f"a={number}", accuracy=0.5) for number in range(12)]
    for by in (By.accuracy, By.seconds):
        assert _jobs(board(same, by)) == [str(number) for number in range(12)]


@pytest.mark.parametrize("status", [FAILED, INTERRUPTED, KILLED, RUNNING])
def test_a_job_that_is_not_done_never_wins(status: str) -> None:
    """However good it looked."""
    told = board([job("a=1", accuracy=0.9, status=status), job("a=2", accuracy=0.1)])
    assert told.winner is not None
    assert told.winner.job == "1"
    assert [row.rank for row in told.rows] == [1, None]
    assert not told.is_done


def test_a_job_of_unknown_accuracy_never_wins() -> None:
    """And comes after those that are known, before those that failed."""
    told = board([job("a=1", status=FAILED), job("a=2"), job("a=3", accuracy=0.0)])
    assert _jobs(told) == ["2", "1", "0"]
    assert [row.rank for row in told.rows] == [1, None, None]


def test_without_any_figure_nobody_wins() -> None:
    """Nor among no jobs."""
    assert board([job("a=1"), job("a=2", status=FAILED)]).winner is None
    assert board([]).winner is None
    assert not board([]).is_done


@pytest.mark.parametrize(
    ("by", "best"),
    [
        (By.train_loss, "0"),
        (By.p99_ms, "0"),
        (By.artifact_bytes, "0"),
        (By.seconds, "0"),
        (By.accuracy, "1"),
        (By.samples_per_second, "1"),
    ],
)
def test_the_better_figure_is_the_lower_or_the_higher(by: By, best: str) -> None:
    """Of losses, times and sizes the lower one."""
    jobs = [job(f"a={value}", metrics={by.value: value}, seconds=value) for value in (1.0, 2.0)]
    winner = board(jobs, by).winner
    assert winner is not None
    assert winner.job == best


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=8))
def test_every_job_is_there_once_and_in_order(accuracies: list[float | None]) -> None:
    """Ranked ones first, from the best down."""
    told = board([job(f"a={n}", accuracy=value) for n, value in enumerate(accuracies)])
    assert sorted(_jobs(told), key=int) == [str(number) for number in range(len(accuracies))]
    known = [value for value in accuracies if value is not None]
    figures = [row.result.metrics.get("accuracy") for row in told.rows]
    assert figures[: len(known)] == sorted(known, reverse=True)
    assert [row.rank for row in told.rows[: len(known)]] == list(range(1, len(known) + 1))


def test_only_what_differs_is_told() -> None:
    """What all jobs have in common is left out; of a job alone all is told."""
    told = board([job("a.lr=1", "b=2"), job("a.lr=2", "b=2")])
    assert [dict(row.swept) for row in told.rows] == [{"a.lr": "1"}, {"a.lr": "2"}]
    assert dict(board([job("a.lr=1")]).rows[0].swept) == {"model": "x", "a.lr": "1"}


def test_the_csv_has_a_column_for_each_swept_key_and_figure() -> None:
    """Whatever is in the texts."""
    error = 'a: "b", c\nRemedy: d.'
    told = board(
        [
            job("a.lr=1", "b='x,y'", accuracy=0.5, version=3),
            job("a.lr=2", "b=z", status=FAILED, error=error, exit_code=3),
        ]
    )
    first, second = csv.DictReader(io.StringIO(told.csv_text()))
    assert (first["rank"], first["a.lr"], first["b"]) == ("1", "1", "'x,y'")
    assert (first["accuracy"], first["version"], first["seconds"]) == ("0.5", "3", "2.0")
    assert (second["rank"], second["status"], second["error"]) == ("", "failed", error)
    assert second["exit_code"] == "3"


def test_a_swept_name_is_one_column() -> None:
    """The override's key is that of a column."""
    told = board([job("name=a", name="a"), job("name=b", name="b")])
    header = told.csv_text().splitlines()[0].split(",")
    assert header.count("name") == 1
    assert [row["name"] for row in csv.DictReader(io.StringIO(told.csv_text()))] == ["a", "b"]


def test_the_json_holds_everything() -> None:
    """As it is in each result, with the rank."""
    told = board([job("a=1", accuracy=0.5, stages={"export": 1.0}, reused={"train": 9.0})])
    content: dict[str, Any] = json.loads(told.json_text())
    assert content["by"] == "accuracy"
    (only,) = content["jobs"]
    assert (only["rank"], only["job"], only["swept"]) == (1, "0", {"model": "x", "a": "1"})
    assert (only["stages"], only["reused"]) == ({"export": 1.0}, {"train": 9.0})


def test_the_table_fits_a_narrow_terminal() -> None:
    """Three keys that were swept, long names; every figure whole."""
    jobs = [
        job(
            f"trainer.lr={rate}",
            "serving.instance_group.count=2",
            "architecture=resnet18",
            accuracy=accuracy,
            name=f"fashion_resnet18-lr_{rate}-count_2-architecture_resnet18",
            version=1,
            subset=True,
        )
        for rate, accuracy in RATES.items()
    ]
    lines = _printed(board([*jobs, job("trainer.lr=5", status=FAILED)]))
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert all(f"{accuracy:.2%}*" in text for accuracy in RATES.values())
    assert "* on a SUBSET of the dataset" in text


def test_keys_are_short_in_the_table() -> None:
    """Their last part, where that tells them apart."""
    told = board([job("trainer.lr=1", accuracy=0.5), job("trainer.lr=2", accuracy=0.4)])
    rows = [line.split("│")[1:-1] for line in _printed(told) if line.startswith("│")]
    assert [[cell.strip() for cell in row[:2]] for row in rows] == [["1", "lr=1"], ["2", "lr=2"]]


def test_columns_of_nothing_are_left_out() -> None:
    """A sweep of plans knows no accuracy and no rank."""
    (header,) = [line for line in _printed(board([job("a=1"), job("a=2")])) if "┃" in line]
    assert [name.strip() for name in header.strip("┃").split("┃")] == [
        "job",
        "model/version",
        "seconds",
        "status",
    ]


@pytest.mark.parametrize(
    ("jobs", "by"),
    [
        ([job(f"lr={rate}", accuracy=one) for rate, one in RATES.items()], By.accuracy),
        ([job(f"trainer={name}", accuracy=0.9) for name in "abc"], By.accuracy),
        ([job(f"n={n}", f"m={-n}", seconds=0.0) for n in range(60)], By.seconds),
        ([job("a=1", status=FAILED), job("a=2")], By.accuracy),
        (
            [job("a=0", accuracy=0.0, seconds=0.0), job("a=0", accuracy=0.0, seconds=0.0)],
            By.accuracy,
        ),
        ([job("a=nan", accuracy=0.5), job("a=inf", accuracy=0.2)], By.accuracy),
        ([job(f"n={n}", accuracy=n / 40) for n in range(40)], By.accuracy),
    ],
    ids=["numbers", "choices", "many", "no figure", "zeros", "not finite", "many numbers"],
)
def test_the_picture_is_drawn_whatever_was_swept(jobs: list[Any], by: By) -> None:
    """Without a warning, and with something in it."""
    with Image.open(io.BytesIO(plot.png(board(jobs, by)))) as picture:
        assert picture.format == "PNG"
        assert picture.width == 1080
        darkest, lightest = picture.convert("L").getextrema()
    assert (darkest, lightest) == (0, 255)


def test_a_job_that_is_done_and_promoted_says_so() -> None:
    """In the place of its status."""
    told = board([job("a=1", accuracy=0.5, promoted=True, version=4), job("a=2", accuracy=0.4)])
    rows = [line for line in _printed(told) if line.startswith("│")]
    assert "promoted" in rows[0]
    assert "x/4" in rows[0]
    assert DONE in rows[1]


FRONT = [
    job("a=0", metrics={"accuracy": 0.9, "p99_ms": 5.0}),
    job("a=1", metrics={"accuracy": 0.8, "p99_ms": 1.0}),
    job("a=2", metrics={"accuracy": 0.8, "p99_ms": 2.0}),
    job("a=3", metrics={"accuracy": 0.7, "p99_ms": 3.0}),
    job("a=4", accuracy=0.99),
    job("a=5", status=FAILED),
]
"""Jobs of which two are on the front; the last two lack a figure."""


def test_several_figures_have_a_front_and_no_winner() -> None:
    """The rank is that of the front; a job without one of the figures has none."""
    told = board(FRONT, By.accuracy, By.p99_ms)
    assert [(row.job, row.rank) for row in told.rows] == [
        ("0", 1),
        ("1", 1),
        ("2", 2),
        ("3", 3),
        ("4", None),
        ("5", None),
    ]
    assert told.winner is None
    content: dict[str, Any] = json.loads(told.json_text())
    assert content["by"] == ["accuracy", "p99_ms"]
    assert [one["pareto"] for one in content["jobs"]] == [True, True, *[False] * 4]
    rows = csv.DictReader(io.StringIO(told.csv_text()))
    assert [row["pareto"] for row in rows] == ["True", "True", *["False"] * 4]
    marked = [line for line in _printed(told) if "●" in line and line.startswith("│")]
    assert len(marked) == 2


def test_one_figure_has_no_front() -> None:
    """Neither in the files nor in the table."""
    told = board(FRONT, By.accuracy)
    assert "pareto" not in told.json_text() + told.csv_text()
    assert "●" not in "".join(_printed(told))


@pytest.mark.parametrize("by", [(By.accuracy, By.p99_ms), (By.seconds, By.samples_per_second)])
def test_the_front_is_drawn(by: tuple[By, By]) -> None:
    """In red; without jobs that have both figures there is a text."""
    with Image.open(io.BytesIO(plot.png(board(FRONT, *by)))) as picture:
        reds = sum(
            count
            for count, pixel in picture.convert("RGB").getcolors(1 << 24) or []
            if pixel == (214, 39, 40)
        )
    assert (reds > 50) == (by[0] is By.accuracy)
