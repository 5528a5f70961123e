"""Warmups as they are rendered: the dims and bytes of each kind of serving, by Triton's rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from packager.errors import SpecError
from packager.model_config.compare import differences
from packager.model_config.parse import parse
from packager.model_config.render import render
from packager.model_config.rules.warmup import check
from packager.model_config.warmup import UNKNOWN, Sample, named, warmup
from tests.differential.case import CaseFiles

from .composing import recipe
from .specs import tensor, without_data

BATCHED = recipe("model=fashion_cnn").serving
ROW = bytes(range(12))


@pytest.mark.parametrize(
    ("overrides", "dims", "times"),
    [
        ((), [3], 1),
        (("serving.max_batch_size=1",), [3], 1),
        (("serving=unbatched",), [1, 3], 1),
        (("serving=unbatched", "serving.batch_dim=4"), [4, 3], 4),
        (("serving=unbatched", "serving.batch_dim=null"), [3], 1),
    ],
)
def test_a_warmup_is_a_request_that_the_model_takes(
    overrides: tuple[str, ...], dims: list[int], times: int
) -> None:
    """The batch is Triton's, or one of the dims; then the file has as many rows."""
    serving = recipe("model=fashion_cnn", *overrides).serving
    made = without_data([tensor("x", -1)], [tensor("y", 3)], serving)
    (sent,) = inputs = warmup(made, [Sample(dims=(3,), content=ROW)])
    assert sent.content == ROW * times
    config = parse(render(made, warmup=inputs))
    (one,) = config.model_warmup
    assert (one.batch_size, list(one.inputs["x"].dims)) == (1, dims)
    assert differences(config, made, inputs) == []
    files = CaseFiles(made.name, {f"warmup/{sent.file}": sent.content})
    assert list(check(config, made.name, files)) == []


def test_a_number_a_row_is_sent_as_one() -> None:
    """As clients do; reshape is Triton's work."""
    made = without_data([tensor("x")], [tensor("y")])
    inputs = warmup(made, [Sample(dims=(), content=b"\0\0\0\0")])
    (one,) = parse(render(made, warmup=inputs)).model_warmup
    assert list(one.inputs["x"].dims) == [1]


def test_the_file_is_named_by_its_content() -> None:
    """So that another sample is another file; of several inputs too, whatever their names."""
    made = without_data([tensor('a "b"', 3), tensor("c", 3)], [tensor("y", 3)])
    for contents in ((ROW, ROW), (ROW, ROW[::-1])):
        inputs = warmup(made, [Sample(dims=(3,), content=content) for content in contents])
        assert len({one.file for one in inputs}) == len(inputs)
        assert named(render(made, warmup=inputs)) == {one.file for one in inputs}


def test_what_is_not_known_yet_names_no_file() -> None:
    """A plan shows the text before the data are there."""
    made = without_data([tensor("x", 3)], [tensor("y", 3)])
    text = render(made, warmup=warmup(made, [Sample(dims=(3,), content=None)]))
    assert f'input_data_file: "input0-{UNKNOWN}"' in text
    assert named(text) == frozenset()


def test_a_difference_in_a_warmup_is_told() -> None:
    """Of its file, and of its number of runs."""
    made = without_data([tensor("x", 3)], [tensor("y", 3)])
    inputs = warmup(made, [Sample(dims=(3,), content=ROW)])
    others = warmup(made, [Sample(dims=(3,), content=ROW[::-1])])
    config = parse(render(made, warmup=inputs))
    assert len(differences(config, made, others)) == 1
    assert len(differences(config, made)) == 1
    twice = replace(made, serving=replace(made.serving, warmup=2))
    assert differences(config, twice, inputs) == [
        "model_warmup[one sample].count is 3; the recipe says 2"
    ]


@pytest.mark.parametrize("runs", [-1, 1001])
def test_the_number_of_runs_has_a_limit(runs: int) -> None:
    """A model is not ready before all are done."""
    with pytest.raises(SpecError, match="expected 0 \\(none\\) to 1000 runs"):
        replace(BATCHED, warmup=runs)
